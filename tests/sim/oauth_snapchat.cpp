// SPDX-License-Identifier: Apache-2.0
// Snapchat's OAuth: /login/oauth2/authorize and /login/oauth2/access_token.
#include "oauth.hpp"

namespace sim {
namespace {

constexpr std::chrono::seconds kLife{3600};

/// One login for the ads and for the public profiles.
bool is_snapchat(Platform platform) {
    return platform == Platform::snapchat || platform == Platform::snapchat_profile;
}

Reply refuse(unsigned status, std::string_view error, std::string_view description) {
    return json_reply(status, Json{{"error", error}, {"error_description", description}});
}

Reply answer_tokens(Grants& grants, const Grant& grant) {
    return json_reply(200, Json{{"access_token", grants.mint(grant, kLife)},
                                {"token_type", "Bearer"},
                                {"expires_in", kLife.count()},
                                {"refresh_token", grant.refresh_token},
                                {"scope", join_scopes(grant.scopes)}});
}

Reply answer_token(Grants& grants, const Call& call) {
    if (call.request.method != "POST") return refuse(405, "invalid_request", "Method not allowed");
    const auto form = call.request.form();
    if (check_client(grants, form) != ClientFault::none)
        return refuse(401, "invalid_client", "Client authentication failed");
    const auto type = form.get("grant_type");
    if (type == "authorization_code") {
        const auto [fault, code] = redeem(grants, form, {Platform::snapchat, Platform::snapchat_profile});
        if (fault == CodeFault::missing) return refuse(400, "invalid_request", "The code is missing");
        if (fault != CodeFault::none) return refuse(400, "invalid_grant", "Invalid authorization code");
        auto& grant = grants.open(code.platform, code.account, code.app, code.scopes);
        grants.mint_refresh(grant);
        return answer_tokens(grants, grant);
    }
    if (type != "refresh_token") return refuse(400, "unsupported_grant_type", "Unknown grant type");
    if (form.get("refresh_token").empty()) return refuse(400, "invalid_request", "The refresh token is missing");
    auto* grant = grants.find_refresh(form.get("refresh_token"));
    if (grant == nullptr || !is_snapchat(grant->platform) || grant->app != form.get("client_id"))
        return refuse(400, "invalid_grant", "Invalid refresh token");
    grants.rotate(*grant);
    return answer_tokens(grants, *grant);
}

}  // namespace

bool is_snapchat_oauth(const Request& request) {
    return request.path == "/login/oauth2/authorize" || request.path == "/login/oauth2/access_token";
}

Reply answer_snapchat_oauth(World& world, const Call& call) {
    if (call.request.path == "/login/oauth2/access_token") return answer_token(world.grants(), call);
    AuthorizePage page;
    page.platforms = {Platform::snapchat, Platform::snapchat_profile};
    page.knows_scope = [](std::string_view scope) {
        return scope == "snapchat-marketing-api" || scope == "snapchat-profile-api" ||
               scope == "snapchat-offline-conversions-api";
    };
    page.loopback = false;
    return answer_authorize(world.grants(), call, page);
}

}  // namespace sim
