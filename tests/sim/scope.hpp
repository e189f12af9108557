// SPDX-License-Identifier: Apache-2.0
// Whom a platform counts a request for: its app, its token, its account.
#pragma once

#include "call.hpp"
#include "faults.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sim {

/// An instant fine enough to tell what was in flight when a refusal was sent.
using Moment = date::sys_time<std::chrono::milliseconds>;

enum class LimitScope : std::uint8_t { app, token, account };
inline constexpr std::array kLimitScopes{LimitScope::app, LimitScope::token, LimitScope::account};

std::string_view scope_name(LimitScope scope);
std::optional<LimitScope> parse_scope(std::string_view name);

/// How a platform speaks of limits.
enum class Dialect : std::uint8_t { graph, google, snapchat, twitch };
Dialect dialect_of(Platform platform);

struct Caller {
    std::optional<Platform> platform;  ///< nothing: the request belongs to nobody
    Dialect dialect = Dialect::graph;
    std::string account;  ///< empty: unknown
    std::string token;    ///< as sent; empty: none
    TokenState token_state = TokenState::missing;
    bool user_token = false;
    /// Google counts its two APIs apart: `data`, `analytics`; empty elsewhere.
    std::string_view api;
};

Caller caller_of(const Call& call, const Origin& origin);

/// The same text for requests that are counted together; empty if the request is of no such scope.
std::string scope_key(const Caller& caller, LimitScope scope);

}  // namespace sim
