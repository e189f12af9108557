// SPDX-License-Identifier: Apache-2.0
// Reads access tokens: minted ones, and sim.PLATFORM.ACCOUNT, simuser.facebook.PAGE, expired.PLATFORM.ACCOUNT.
#include "tokens.hpp"

#include "grants.hpp"

namespace sim {
namespace {

Token read_minted(const Grants& grants, const AccessToken& minted) {
    const auto& grant = grants.grant(minted.grant);
    Token token;
    token.state = grant.revoked            ? TokenState::revoked
                  : grants.expired(minted) ? TokenState::expired
                                           : TokenState::valid;
    token.platform = grant.platform;
    token.user = minted.kind == TokenKind::user && grant.login == "facebook_login";
    token.account = grant.account;
    token.app = grant.app;
    token.login = grant.login;
    token.scopes = &grant.scopes;
    return token;
}

}  // namespace

Token read_token_text(std::string_view text, const World& world) {
    Token token;
    if (text.empty()) return token;
    if (const auto* minted = world.grants().find(text)) return read_minted(world.grants(), *minted);

    token.state = TokenState::invalid;
    const auto first = text.find('.');
    const auto second = first == std::string_view::npos ? first : text.find('.', first + 1);
    if (second == std::string_view::npos || second + 1 == text.size()) return token;
    const auto kind = text.substr(0, first);
    const auto platform = parse_platform(text.substr(first + 1, second - first - 1));
    if (!platform) return token;
    token.user = kind == "simuser" && *platform == Platform::facebook;
    if (kind != "sim" && kind != "expired" && !token.user) return token;

    token.platform = *platform;
    token.account = text.substr(second + 1);
    token.state = kind == "expired"                         ? TokenState::expired
                  : world.revoked(*platform, token.account) ? TokenState::revoked
                                                            : TokenState::valid;
    return token;
}

std::string_view token_text(const Request& request, bool query_allowed) {
    if (!request.bearer.empty() || !query_allowed) return request.bearer;
    return request.query.get("access_token");
}

Token read_token(const Request& request, const World& world, bool query_allowed) {
    return read_token_text(token_text(request, query_allowed), world);
}

}  // namespace sim
