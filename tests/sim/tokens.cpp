// SPDX-License-Identifier: Apache-2.0
// Reads the simulated access tokens: sim.PLATFORM.ACCOUNT, simuser.facebook.PAGE, expired.PLATFORM.ACCOUNT.
#include "tokens.hpp"

namespace sim {

std::string_view token_text(const Request& request, bool query_allowed) {
    if (!request.bearer.empty() || !query_allowed) return request.bearer;
    return request.query.get("access_token");
}

Token read_token(const Request& request, const World& world, bool query_allowed) {
    const auto text = token_text(request, query_allowed);
    Token token;
    if (text.empty()) return token;

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

}  // namespace sim
