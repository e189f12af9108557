// SPDX-License-Identifier: Apache-2.0
// Reads the simulated access tokens: sim.PLATFORM.ACCOUNT, simuser.facebook.PAGE, expired.PLATFORM.ACCOUNT.
#pragma once

#include "http.hpp"
#include "world.hpp"

#include <cstdint>
#include <string>

namespace sim {

enum class TokenState : std::uint8_t { missing, invalid, expired, revoked, valid };

struct Token {
    TokenState state = TokenState::missing;
    Platform platform{};  ///< meaningless for missing and invalid tokens
    bool user = false;    ///< a Facebook user token, not the page's own
    std::string account;

    bool valid_for(Platform wanted) const { return state == TokenState::valid && platform == wanted; }
};

/// As sent, or empty.
std::string_view token_text(const Request& request, bool query_allowed);

Token read_token(const Request& request, const World& world, bool query_allowed);

}  // namespace sim
