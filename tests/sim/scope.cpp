// SPDX-License-Identifier: Apache-2.0
// Whom a platform counts a request for: its app, its token, its account.
#include "scope.hpp"

#include <fmt/format.h>

namespace sim {
namespace {

constexpr std::array<std::string_view, 3> kNames{"app", "token", "account"};

}  // namespace

std::string_view scope_name(LimitScope scope) {
    return kNames[static_cast<std::size_t>(scope)];
}

std::optional<LimitScope> parse_scope(std::string_view name) {
    for (const auto scope : kLimitScopes)
        if (scope_name(scope) == name) return scope;
    return std::nullopt;
}

Dialect dialect_of(Platform platform) {
    const auto name = platform_name(platform);
    if (name == "youtube") return Dialect::google;
    if (name == "twitch") return Dialect::twitch;
    return name.starts_with("snapchat") ? Dialect::snapchat : Dialect::graph;
}

Caller caller_of(const Call& call, const Origin& origin) {
    Caller caller;
    // Only the token tells whose app it is: without one, as on the routes of a login, nobody's requests are counted.
    const bool known = origin.token.state != TokenState::missing && origin.token.state != TokenState::invalid;
    if (known) caller.platform = origin.platform;
    if (origin.platform) caller.dialect = dialect_of(*origin.platform);
    caller.account = origin.account;
    caller.token = token_text(call.request, caller.dialect == Dialect::graph);
    caller.token_state = origin.token.state;
    caller.user_token = origin.token.user;
    if (caller.dialect == Dialect::google)
        caller.api = call.request.path.starts_with("/youtube/") ? "data" : "analytics";
    return caller;
}

std::string scope_key(const Caller& caller, LimitScope scope) {
    if (!caller.platform) return {};
    std::string_view who;
    if (scope == LimitScope::token) who = caller.token;
    if (scope == LimitScope::account) who = caller.account;
    if (who.empty() && scope != LimitScope::app) return {};
    return fmt::format("{}\n{}\n{}\n{}", platform_name(*caller.platform), caller.api, scope_name(scope), who);
}

}  // namespace sim
