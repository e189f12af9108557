// SPDX-License-Identifier: Apache-2.0
// Tokens as they are handed in: through stdin or a file, never through argv, where every user of the machine could read
// them.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "cli/command_table.hpp"
#include "cli/console.hpp"
#include "common/secret.hpp"

namespace tally::cli {

struct TokenInput {
    Secret access_token;
    Secret refresh_token;    ///< empty: none
    std::string expires_at;  ///< RFC 3339; empty: not said
    std::map<std::string, std::string> attributes;
};

/// The bare token (surrounding white space dropped), or a JSON object with `access_token`, `refresh_token`,
/// `expires_at` and `attributes`. @throws Error (usage) that never quotes the text
TokenInput parse_token(std::string_view text);

/// "k=v" of every --attribute. @throws Error (usage)
std::map<std::string, std::string> read_attributes(const Arguments& arguments);

/// Reads the token from where --token-stdin or --token-file says; --attribute wins over the token's own attributes.
/// @throws Error (usage) unless exactly one of the two is given
TokenInput read_token(Console& console, const Arguments& arguments);

/// The body that the API takes for a new connection.
Secret render_token_body(const TokenInput& token);

}  // namespace tally::cli
