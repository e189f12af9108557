// SPDX-License-Identifier: Apache-2.0
// What is sealed of a connection: its tokens, as one small JSON document.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/secret.hpp"
#include "common/time.hpp"

namespace tally::collect {

struct Credential {
    Secret access_token;
    Secret refresh_token;                         ///< may be empty
    std::optional<Instant> expires_at;            ///< of the access token, where known
    std::optional<Instant> issued_at;             ///< when we got it, where we did
    std::optional<std::set<std::string>> scopes;  ///< what it may, where told
    std::map<std::string, Secret> derived;        ///< tokens found by look-ups, by name

    /// What a user gave: the bare access token, or a JSON object with access_token, refresh_token, expires_at (RFC
    /// 3339) and attributes, which go to `attributes`. @throws Error (usage) that says what is wrong without saying the
    /// token.
    static Credential parse(const std::string& text, std::map<std::string, std::string>& attributes);

    /// The form that is sealed, and back. @throws Error (internal) for a document that is none of ours.
    Secret render() const;
    static Credential read(const Secret& document);
};

}  // namespace tally::collect
