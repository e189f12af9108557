// SPDX-License-Identifier: Apache-2.0
// Instagram Login: /oauth/authorize, POST /oauth/access_token, /access_token, /refresh_access_token.
#include "graph.hpp"
#include "oauth.hpp"
#include "tokens.hpp"

namespace sim {
namespace {

constexpr std::chrono::seconds kShortLife{3600};
constexpr std::chrono::seconds kLongLife{5'183'944};

/// The older shape, which only POST /oauth/access_token answers with.
Reply refuse(std::string_view message, std::string_view type = "OAuthException") {
    return json_reply(400, Json{{"error_type", type}, {"code", 400}, {"error_message", message}});
}

Reply redeem_code(Grants& grants, const Call& call) {
    const auto form = call.request.form();
    switch (check_client(grants, form)) {
        case ClientFault::none:
            break;
        case ClientFault::missing:
        case ClientFault::unknown:
            return refuse("Invalid platform app");
        case ClientFault::secret_missing:
        case ClientFault::wrong_secret:
            return refuse("Error validating client secret.");
    }
    if (!form.is("grant_type", "authorization_code")) return refuse("Invalid grant_type");
    const auto [fault, code] = redeem(grants, form, {Platform::instagram});
    switch (fault) {
        case CodeFault::none:
            break;
        case CodeFault::missing:
            return refuse("You must provide a code");
        case CodeFault::used:
            return refuse("This authorization code has been used");
        case CodeFault::expired:
            return refuse("This authorization code has expired");
        case CodeFault::redirect:
            return refuse(
                "Error validating verification code. Please make sure your redirect_uri is identical to the one you "
                "used in the OAuth dialog request");
        case CodeFault::unknown:
        case CodeFault::verifier:
            return refuse("Invalid authorization code");
    }
    if (code.login != "instagram_login") return refuse("Invalid authorization code");
    const auto& grant = grants.open(Platform::instagram, code.account, code.app, code.scopes, code.login);
    Json answer{
        {"access_token", grants.mint(grant, kShortLife)}, {"user_id", grant.account}, {"permissions", grant.scopes}};
    // Both forms are about; the id's number of digits has nothing to do with it.
    if (code.account.size() % 2 == 0) answer = Json{{"data", Json::array({std::move(answer)})}};
    return json_reply(200, answer);
}

Reply answer_long(Grants& grants, const Grant& grant) {
    return json_reply(200, Json{{"access_token", grants.mint(grant, kLongLife, true)},
                                {"token_type", "bearer"},
                                {"expires_in", kLongLife.count()}});
}

std::optional<Reply> refuse_token(const Call& call, const Token& token) {
    if (token.state == TokenState::missing)
        return graph_error(call, {400, 100, 0, "The parameter access_token is required", "IGApiException"});
    if (const auto error = token_error(token)) return graph_error(call, *error);
    return std::nullopt;
}

Reply exchange(Grants& grants, const Call& call, const Token& token, const AccessToken* minted) {
    if (minted == nullptr || token.login != "instagram_login" || minted->long_lived)
        return graph_error(call, {400, 452, 0,
                                  "Session key invalid. This could be because the session key has an "
                                  "incorrect format, or because the user has revoked this session"});
    const auto& grant = grants.grant(minted->grant);
    if (call.request.query.get("client_secret") != *grants.secret_of(grant.app))
        return graph_error(call, {400, 1, 0, "Error validating client secret."});
    return answer_long(grants, grant);
}

/// Needs no secret: who holds the token may prolong it.
Reply refresh(Grants& grants, const Call& call, const Token& token, const AccessToken* minted) {
    if (minted == nullptr || token.login != "instagram_login" || !minted->long_lived)
        return graph_error(call, {400, 100, 0, "Only long-lived Instagram User access tokens can be refreshed"});
    if (!token.has("instagram_business_basic"))
        return graph_error(call, {400, 10, 0, "(#10) The instagram_business_basic permission is required"});
    if (call.now - minted->issued < grants.refresh_age())
        return graph_error(call, {400, 100, 0, "The access token must be at least 24 hours old to be refreshed"});
    ++grants.use_of(Platform::instagram, token.account).refreshes;
    return answer_long(grants, grants.grant(minted->grant));
}

}  // namespace

bool is_instagram_oauth(const Request& request) {
    const std::string_view path{request.path};
    return path == "/oauth/authorize" || path == "/access_token" || path == "/refresh_access_token" ||
           (path == "/oauth/access_token" && request.method == "POST");
}

Reply answer_instagram_oauth(World& world, const Call& call) {
    auto& grants = world.grants();
    const std::string_view path{call.request.path};
    if (path == "/oauth/authorize") {
        AuthorizePage page;
        page.platforms = {Platform::instagram};
        page.login = "instagram_login";
        page.knows_scope = [](std::string_view scope) { return scope.starts_with("instagram_business_"); };
        page.tail = "#_";
        page.code_life = std::chrono::hours{1};
        return answer_authorize(grants, call, page);
    }
    if (path == "/oauth/access_token") return redeem_code(grants, call);
    if (call.request.method != "GET")
        return graph_error(call, {400, 100, 33, "Unsupported post request.", "GraphMethodException"});
    const bool exchanging = path == "/access_token";
    const std::string_view type = exchanging ? "ig_exchange_token" : "ig_refresh_token";
    if (!call.request.query.is("grant_type", type))
        return graph_error(call, {400, 100, 0, "Invalid parameter: grant_type", "IGApiException"});
    const auto token = read_token(call.request, world, true);
    if (auto refusal = refuse_token(call, token)) return *std::move(refusal);
    const auto* minted = grants.find(call.request.query.get("access_token", call.request.bearer));
    return exchanging ? exchange(grants, call, token, minted) : refresh(grants, call, token, minted);
}

}  // namespace sim
