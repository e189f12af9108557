// SPDX-License-Identifier: Apache-2.0
// Reads access tokens: minted ones, and sim.PLATFORM.ACCOUNT, simuser.facebook.PAGE, expired.PLATFORM.ACCOUNT.
#pragma once

#include "http.hpp"
#include "world.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sim {

enum class TokenState : std::uint8_t { missing, invalid, expired, revoked, valid };

struct Token {
    TokenState state = TokenState::missing;
    Platform platform{};                               ///< meaningless for missing and invalid tokens
    bool user = false;                                 ///< a Facebook user token, not the page's own
    std::string account;                               ///< empty for a token of an app itself
    std::string app = "sim-app";                       ///< whose application it was made for
    std::string login;                                 ///< as in Grant
    const std::vector<std::string>* scopes = nullptr;  ///< null: all

    bool has(std::string_view scope) const {
        return scopes == nullptr || std::find(scopes->begin(), scopes->end(), scope) != scopes->end();
    }

    bool valid_for(Platform wanted) const { return state == TokenState::valid && platform == wanted; }
};

/// As sent, or empty.
std::string_view token_text(const Request& request, bool query_allowed);

/// Expiry is judged by the moment of the request in hand.
Token read_token_text(std::string_view text, const World& world);
Token read_token(const Request& request, const World& world, bool query_allowed);

}  // namespace sim
