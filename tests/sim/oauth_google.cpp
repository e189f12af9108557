// SPDX-License-Identifier: Apache-2.0
// Google's OAuth: /o/oauth2/v2/auth, /token, /tokeninfo, /revoke.
#include "oauth.hpp"
#include "tokens.hpp"

#include <fmt/format.h>

namespace sim {
namespace {

constexpr std::chrono::seconds kLife{3599};
constexpr std::string_view kScopePrefix = "https://www.googleapis.com/auth/";

/// Here `error` is a text; in the APIs it is an object.
Reply refuse(unsigned status, std::string_view error, std::string_view description) {
    return json_reply(status, Json{{"error", error}, {"error_description", description}});
}

Reply answer_tokens(Grants& grants, Grant& grant, bool with_refresh) {
    Json body{{"access_token", grants.mint(grant, kLife)}, {"expires_in", kLife.count()}};
    if (with_refresh) body["refresh_token"] = grant.refresh_token;
    body["scope"] = join_scopes(grant.scopes);
    body["token_type"] = "Bearer";
    // A project that is still in testing: its refresh tokens end, and it says so.
    if (grant.refresh_dies) body["refresh_token_expires_in"] = (*grant.refresh_dies - grants.now()).count();
    return json_reply(200, body);
}

Reply redeem_code(Grants& grants, const Query& form) {
    const auto [fault, code] = redeem(grants, form, {Platform::youtube});
    switch (fault) {
        case CodeFault::none:
            break;
        case CodeFault::missing:
            return refuse(400, "invalid_request", "Missing required parameter: code");
        case CodeFault::redirect:
            return refuse(400, "redirect_uri_mismatch", "Bad Request");
        case CodeFault::verifier:
            return refuse(400, "invalid_grant",
                          form.get("code_verifier").empty() ? "Missing code verifier." : "Invalid code verifier.");
        case CodeFault::unknown:
            return refuse(400, "invalid_grant", "Malformed auth code.");
        case CodeFault::used:
        case CodeFault::expired:
            return refuse(400, "invalid_grant", "Bad Request");
    }
    auto& grant = grants.open(Platform::youtube, code.account, code.app, code.scopes);
    if (code.refreshable) grants.mint_refresh(grant);
    return answer_tokens(grants, grant, code.refreshable);
}

Reply refresh(Grants& grants, const Query& form) {
    if (form.get("refresh_token").empty())
        return refuse(400, "invalid_request", "Missing required parameter: refresh_token");
    auto* grant = grants.find_refresh(form.get("refresh_token"));
    if (grant == nullptr || grant->platform != Platform::youtube)
        return refuse(400, "invalid_grant", "Token has been expired or revoked.");
    if (grant->app != form.get("client_id")) return refuse(401, "unauthorized_client", "Unauthorized");
    const bool rotated = grants.rotate(*grant);
    return answer_tokens(grants, *grant, rotated);
}

Reply answer_token(Grants& grants, const Call& call) {
    if (call.request.method != "POST") return refuse(405, "invalid_request", "Method not allowed");
    const auto form = call.request.form();
    switch (check_client(grants, form)) {
        case ClientFault::none:
            break;
        case ClientFault::missing:
            return refuse(400, "invalid_request", "Could not determine client ID from request.");
        case ClientFault::unknown:
            return refuse(401, "invalid_client", "The OAuth client was not found.");
        case ClientFault::secret_missing:
            return refuse(400, "invalid_request", "client_secret is missing.");
        case ClientFault::wrong_secret:
            return refuse(401, "invalid_client", "Unauthorized");
    }
    const auto type = form.get("grant_type");
    if (type == "authorization_code") return redeem_code(grants, form);
    if (type == "refresh_token") return refresh(grants, form);
    return refuse(400, "unsupported_grant_type", fmt::format("Invalid grant_type: {}", type));
}

Reply show_token(World& world, const Call& call) {
    auto& grants = world.grants();
    const auto text = call.request.query.get("access_token");
    const auto token = read_token_text(text, world);
    if (!token.valid_for(Platform::youtube)) return refuse(400, "invalid_token", "Invalid Value");
    auto& use = grants.use_of(Platform::youtube, token.account);
    ++use.validations;
    use.last_validation = call.now;
    const auto* minted = grants.find(text);
    const auto left = minted != nullptr && minted->expires ? *minted->expires - call.now : kLife;
    const auto scopes = token.scopes != nullptr ? *token.scopes
                                                : Scopes{fmt::format("{}youtube.readonly", kScopePrefix),
                                                         fmt::format("{}yt-analytics.readonly", kScopePrefix)};
    const bool offline = minted != nullptr && !grants.grant(minted->grant).refresh_token.empty();
    return json_reply(200, Json{{"azp", token.app},
                                {"aud", token.app},
                                {"scope", join_scopes(scopes)},
                                {"exp", std::to_string((call.now + left).time_since_epoch().count())},
                                {"expires_in", std::to_string(left.count())},
                                {"access_type", offline ? "offline" : "online"}});
}

/// Either kind of token ends the whole consent.
Reply revoke(World& world, const Call& call) {
    if (call.request.method != "POST") return refuse(405, "invalid_request", "Method not allowed");
    auto& grants = world.grants();
    const auto form = call.request.form();
    const auto text = form.find("token") != nullptr ? form.get("token") : call.request.query.get("token");
    if (const auto* minted = grants.find(text); minted != nullptr && grants.alive(*minted)) {
        grants.grant(minted->grant).revoked = true;
        return json_reply(200, Json::object());
    }
    if (const auto* owner = grants.owner_of_refresh(text); owner != nullptr && !owner->revoked) {
        grants.grant(owner->id).revoked = true;
        return json_reply(200, Json::object());
    }
    return refuse(400, "invalid_token", "Token expired or revoked");
}

bool knows_scope(std::string_view scope) {
    if (scope == "openid" || scope == "email" || scope == "profile") return true;
    if (!scope.starts_with(kScopePrefix)) return false;
    scope.remove_prefix(kScopePrefix.size());
    return scope == "youtube" || scope == "youtube.readonly" || scope == "youtubepartner" ||
           scope == "yt-analytics.readonly" || scope == "yt-analytics-monetary.readonly";
}

}  // namespace

bool is_google_oauth(const Request& request) {
    const std::string_view path{request.path};
    return path == "/o/oauth2/v2/auth" || path == "/token" || path == "/tokeninfo" || path == "/revoke";
}

Reply answer_google_oauth(World& world, const Call& call) {
    const std::string_view path{call.request.path};
    if (path == "/token") return answer_token(world.grants(), call);
    if (path == "/tokeninfo") return show_token(world, call);
    if (path == "/revoke") return revoke(world, call);
    AuthorizePage page;
    page.platforms = {Platform::youtube};
    page.knows_scope = knows_scope;
    page.scope_in_answer = true;
    return answer_authorize(world.grants(), call, page);
}

}  // namespace sim
