// SPDX-License-Identifier: Apache-2.0
// Facebook Login: dialog/oauth, oauth/access_token, debug_token; for Pages and for Instagram accounts behind a Page.
#include "graph.hpp"
#include "oauth.hpp"
#include "tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sim {
namespace {

constexpr std::chrono::seconds kShortLife{5400};
constexpr std::chrono::seconds kLongLife{5'183'944};
/// Data calls fail so long after the last login; the simulator only says so.
constexpr std::chrono::hours kDataAccess{90 * 24};

constexpr std::string_view kConfigured =
    "pages_show_list,pages_read_engagement,read_insights,instagram_basic,instagram_manage_insights";
constexpr std::array<std::string_view, 9> kScopes{"pages_show_list", "pages_read_engagement",     "read_insights",
                                                  "instagram_basic", "instagram_manage_insights", "ads_management",
                                                  "ads_read",        "business_management",       "public_profile"};

/// The path without its version.
std::string_view route_of(const Request& request) {
    std::string_view path{request.path};
    if (path.size() > 2 && path[1] == 'v' && path[2] >= '0' && path[2] <= '9') {
        const auto slash = path.find('/', 1);
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
    }
    return path;
}

Reply answer_tokens(Grants& grants, const Grant& grant, bool long_lived) {
    const auto life = long_lived ? kLongLife : kShortLife;
    return json_reply(200, Json{{"access_token", grants.mint(grant, life, long_lived)},
                                {"token_type", "bearer"},
                                {"expires_in", life.count()}});
}

Reply redeem_code(Grants& grants, const Call& call, const Query& form) {
    const auto [fault, code] = redeem(grants, form, {Platform::facebook, Platform::instagram});
    switch (fault) {
        case CodeFault::none:
            break;
        case CodeFault::missing:
            return graph_error(call, {400, 1, 0, "Missing authorization code"});
        case CodeFault::used:
            return graph_error(call, {400, 100, 36009, "This authorization code has been used."});
        case CodeFault::expired:
            return graph_error(call, {400, 100, 36007, "This authorization code has expired."});
        case CodeFault::redirect:
            return graph_error(call, {400, 100, 36008,
                                      "Error validating verification code. Please make sure your redirect_uri is "
                                      "identical to the one you used in the OAuth dialog request"});
        case CodeFault::unknown:
        case CodeFault::verifier:
            return graph_error(call, {400, 100, 0, "Invalid verification code format."});
    }
    if (code.login != "facebook_login") return graph_error(call, {400, 100, 0, "Invalid verification code format."});
    return answer_tokens(grants, grants.open(code.platform, code.account, code.app, code.scopes, code.login), false);
}

/// A live token may be exchanged again; the new one lives 60 days from now.
Reply exchange(World& world, const Call& call, const Query& form) {
    auto& grants = world.grants();
    const auto text = form.get("fb_exchange_token");
    if (text.empty()) return graph_error(call, {400, 1, 0, "fb_exchange_token parameter not specified"});
    const auto token = read_token_text(text, world);
    if (const auto error = token_error(token)) return graph_error(call, *error);
    const auto* minted = grants.find(text);
    if (minted == nullptr || !token.user || token.app != form.get("client_id"))
        return graph_error(
            call, {400, 1, 0, "The access token does not belong to application " + std::string{form.get("client_id")}});
    if (minted->long_lived) ++grants.use_of(token.platform, token.account).refreshes;
    return answer_tokens(grants, grants.grant(minted->grant), true);
}

Reply answer_access_token(World& world, const Call& call) {
    const auto form = call.request.method == "POST" ? call.request.form() : call.request.query;
    switch (check_client(world.grants(), form)) {
        case ClientFault::none:
            break;
        case ClientFault::missing:
            return graph_error(call, {400, 101, 0, "Missing client_id parameter."});
        case ClientFault::unknown:
            return graph_error(call, {400, 101, 0,
                                      "Error validating application. Cannot get application info due to a system "
                                      "error."});
        case ClientFault::secret_missing:
            return graph_error(call, {400, 1, 0, "Missing client_secret parameter."});
        case ClientFault::wrong_secret:
            return graph_error(call, {400, 1, 0, "Error validating client secret."});
    }
    const auto type = form.get("grant_type");
    if (type == "fb_exchange_token") return exchange(world, call, form);
    if (type.empty() || type == "authorization_code") return redeem_code(world.grants(), call, form);
    return graph_error(call, {400, 1, 0, fmt::format("Unsupported grant_type {}", type)});
}

/// `app|secret`, or a live user token of the same application.
bool may_inspect(const World& world, const Call& call, const std::string& app) {
    const auto text = call.request.query.get("access_token", call.request.bearer);
    const auto bar = text.find('|');
    if (bar == std::string_view::npos) {
        const auto token = read_token_text(text, world);
        return token.state == TokenState::valid && token.user && token.app == app;
    }
    const auto* secret = world.grants().secret_of(text.substr(0, bar));
    return secret != nullptr && !secret->empty() && *secret == text.substr(bar + 1) && text.substr(0, bar) == app;
}

Json granular(const Token& token, const Scopes& scopes) {
    Json list = Json::array();
    for (const auto& scope : scopes) {
        Json entry{{"scope", scope}};
        if (scope == "pages_read_engagement") entry["target_ids"] = Json::array({token.account});
        list.push_back(std::move(entry));
    }
    return list;
}

Reply debug(World& world, const Call& call) {
    auto& grants = world.grants();
    const auto text = call.request.query.get("input_token");
    if (text.empty()) return graph_error(call, {400, 100, 0, "(#100) The parameter input_token is required"});
    const auto token = read_token_text(text, world);
    if (!may_inspect(world, call, token.app))
        return graph_error(call, {400, 190, 0, "Invalid OAuth access token - Cannot parse access token"});
    if (const auto error = token_error(token)) {
        Json detail{{"code", error->code}, {"message", error->message}};
        if (error->subcode != 0) detail["subcode"] = error->subcode;
        return json_reply(
            200, Json{{"data", {{"error", std::move(detail)}, {"is_valid", false}, {"scopes", Json::array()}}}});
    }
    auto& use = grants.use_of(token.platform, token.account);
    ++use.validations;
    use.last_validation = call.now;
    const auto* minted = grants.find(text);
    const auto unix_time = [](Instant at) { return at.time_since_epoch().count(); };
    const auto issued = minted != nullptr ? minted->issued : call.now;
    const auto scopes = token.scopes != nullptr ? *token.scopes : split_scopes(kConfigured);
    Json data{{"app_id", token.app},
              {"type", token.user ? "USER" : "PAGE"},
              {"application", "Simulated application"},
              {"data_access_expires_at", unix_time(issued + kDataAccess)},
              {"expires_at", minted != nullptr && minted->expires ? unix_time(*minted->expires) : 0},
              {"is_valid", true},
              {"issued_at", unix_time(issued)}};
    if (!token.user) data["profile_id"] = token.account;
    data["user_id"] = "user-" + token.account;
    data["scopes"] = scopes;
    data["granular_scopes"] = granular(token, scopes);
    return json_reply(200, Json{{"data", std::move(data)}});
}

}  // namespace

bool is_facebook_oauth(const Request& request) {
    const auto route = route_of(request);
    return route == "/dialog/oauth" || route == "/oauth/access_token" || route == "/debug_token";
}

Reply answer_facebook_oauth(World& world, const Call& call) {
    const auto route = route_of(call.request);
    if (route == "/oauth/access_token") return answer_access_token(world, call);
    if (route == "/debug_token") return debug(world, call);
    AuthorizePage page;
    page.platforms = {Platform::facebook, Platform::instagram};
    page.login = "facebook_login";
    page.knows_scope = [](std::string_view scope) {
        return std::find(kScopes.begin(), kScopes.end(), scope) != kScopes.end();
    };
    page.scope_separator = ",";
    page.config_scope = kConfigured;
    return answer_authorize(world.grants(), call, page);
}

}  // namespace sim
