// SPDX-License-Identifier: Apache-2.0
// Twitch's OAuth: /oauth2/authorize, token, device, validate, revoke.
#include "oauth.hpp"
#include "tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sim {
namespace {

using std::chrono::seconds;

constexpr seconds kUserLife{14124};
constexpr seconds kAppLife{4'999'199};
constexpr seconds kDeviceLife{1800};
constexpr seconds kInterval{5};
/// A public client's refresh token dies after so long without use.
constexpr std::chrono::hours kUnused{30 * 24};

constexpr std::array<std::string_view, 10> kScopes{"analytics:read:extensions",
                                                   "analytics:read:games",
                                                   "bits:read",
                                                   "channel:read:ads",
                                                   "channel:read:charity",
                                                   "channel:read:goals",
                                                   "channel:read:hype_train",
                                                   "channel:read:subscriptions",
                                                   "moderator:read:followers",
                                                   "user:read:email"};

bool knows_scope(std::string_view scope) {
    return std::find(kScopes.begin(), kScopes.end(), scope) != kScopes.end();
}

/// Unlike Helix' errors these have no member `error`.
Reply refuse(unsigned status, std::string_view message) {
    return json_reply(status, Json{{"status", status}, {"message", message}});
}

std::optional<Reply> refuse_client(const Grants& grants, const Query& form) {
    switch (check_client(grants, form)) {
        case ClientFault::none:
            break;
        case ClientFault::missing:
            return refuse(400, "missing client id");
        case ClientFault::unknown:
            return refuse(400, "invalid client");
        case ClientFault::secret_missing:
            return refuse(400, "missing client secret");
        case ClientFault::wrong_secret:
            return refuse(403, "invalid client secret");
    }
    return std::nullopt;
}

Reply answer_tokens(Grants& grants, Grant& grant) {
    if (is_public(grants, grant.app)) grant.refresh_dies = grants.now() + kUnused;
    return json_reply(200, Json{{"access_token", grants.mint(grant, kUserLife)},
                                {"refresh_token", grant.refresh_token},
                                {"expires_in", kUserLife.count()},
                                {"scope", grant.scopes},
                                {"token_type", "bearer"}});
}

Reply redeem_code(Grants& grants, const Query& form) {
    const auto [fault, code] = redeem(grants, form, {Platform::twitch});
    if (fault == CodeFault::missing) return refuse(400, "missing authorization code");
    if (fault == CodeFault::redirect) return refuse(400, "Parameter redirect_uri does not match registered URI");
    if (fault != CodeFault::none) return refuse(400, "Invalid authorization code");
    auto& grant = grants.open(Platform::twitch, code.account, code.app, code.scopes);
    grants.mint_refresh(grant);
    return answer_tokens(grants, grant);
}

Reply refresh(Grants& grants, const Query& form) {
    if (form.get("refresh_token").empty()) return refuse(400, "missing refresh token");
    auto* grant = grants.find_refresh(form.get("refresh_token"));
    if (grant == nullptr || grant->platform != Platform::twitch || grant->app != form.get("client_id"))
        return refuse(400, "Invalid refresh token");
    grants.rotate(*grant, is_public(grants, grant->app));
    return answer_tokens(grants, *grant);
}

Reply poll_device(Grants& grants, const Query& form) {
    auto* device = grants.find_device(form.get("device_code"));
    if (device == nullptr || device->app != form.get("client_id") || device->used || device->expires <= grants.now())
        return refuse(400, "invalid device code");
    const auto before = std::exchange(device->polled, grants.now());
    if (before && grants.now() - *before < kInterval) return refuse(400, "slow_down");
    if (device->account.empty()) return refuse(400, "authorization_pending");
    device->used = true;
    auto& grant = grants.open(Platform::twitch, device->account, device->app, device->scopes);
    grants.mint_refresh(grant);
    return answer_tokens(grants, grant);
}

Reply answer_token(Grants& grants, const Call& call) {
    const auto form = call.request.form();
    const auto type = form.get("grant_type");
    if (type == "urn:ietf:params:oauth:grant-type:device_code") {
        // Here confidential clients need no secret either.
        if (grants.secret_of(form.get("client_id")) == nullptr)
            return refuse(400, form.get("client_id").empty() ? "missing client id" : "invalid client");
        return poll_device(grants, form);
    }
    if (auto refusal = refuse_client(grants, form)) return *std::move(refusal);
    if (type == "refresh_token") return refresh(grants, form);
    if (is_public(grants, form.get("client_id"))) return refuse(400, "missing client secret");
    if (type == "authorization_code") return redeem_code(grants, form);
    if (type != "client_credentials") return refuse(400, type.empty() ? "missing grant type" : "invalid grant type");
    const auto& grant = grants.open(Platform::twitch, "", std::string{form.get("client_id")}, {});
    return json_reply(200, Json{{"access_token", grants.mint(grant, kAppLife, false, TokenKind::app)},
                                {"expires_in", kAppLife.count()},
                                {"token_type", "bearer"}});
}

Reply start_device(Grants& grants, const Call& call) {
    const auto form = call.request.form();
    if (grants.secret_of(form.get("client_id")) == nullptr)
        return refuse(400, form.get("client_id").empty() ? "missing client id" : "invalid client");
    if (form.find("scopes") == nullptr) return refuse(400, "missing scopes");
    Device device;
    device.app = form.get("client_id");
    device.scopes = split_scopes(form.get("scopes"));
    device.expires = call.now + kDeviceLife;
    for (const auto& scope : device.scopes)
        if (!knows_scope(scope)) return refuse(400, fmt::format("invalid scope requested: '{}'", scope));
    const auto code = grants.add_device(std::move(device));
    const auto user_code = grants.find_device(code)->user_code;
    return json_reply(200, Json{{"device_code", code},
                                {"expires_in", kDeviceLife.count()},
                                {"interval", kInterval.count()},
                                {"user_code", user_code},
                                {"verification_uri", "https://www.twitch.tv/activate?device-code=" + user_code}});
}

Reply validate(World& world, const Call& call) {
    auto& grants = world.grants();
    std::string_view header{call.request.authorization};
    if (header.empty()) return refuse(401, "missing authorization token");
    for (const std::string_view scheme : {"OAuth ", "Bearer "})
        if (header.starts_with(scheme)) {
            header.remove_prefix(scheme.size());
            break;
        }
    const auto token = read_token_text(header, world);
    if (!token.valid_for(Platform::twitch)) return refuse(401, "invalid access token");
    const auto* minted = grants.find(header);
    const auto left = minted != nullptr && minted->expires ? *minted->expires - call.now : kUserLife;
    Json body{{"client_id", token.app}};
    if (token.account.empty()) {
        body["scopes"] = nullptr;
        body["expires_in"] = left.count();
        return json_reply(200, body);
    }
    auto& use = grants.use_of(Platform::twitch, token.account);
    ++use.validations;
    use.last_validation = call.now;
    body["login"] = "user_" + token.account;
    body["scopes"] =
        token.scopes != nullptr ? *token.scopes : Scopes{"channel:read:subscriptions", "moderator:read:followers"};
    body["user_id"] = token.account;
    body["expires_in"] = left.count();
    return json_reply(200, body);
}

/// Disconnects: the refresh token dies as well.
Reply revoke(Grants& grants, const Call& call) {
    const auto form = call.request.form();
    if (grants.secret_of(form.get("client_id")) == nullptr)
        return refuse(400, form.get("client_id").empty() ? "missing client id" : "invalid client");
    if (form.get("token").empty()) return refuse(400, "missing oauth token");
    const auto* minted = grants.find(form.get("token"));
    if (minted == nullptr || !grants.alive(*minted) || grants.grant(minted->grant).app != form.get("client_id"))
        return refuse(400, "Invalid token");
    grants.grant(minted->grant).revoked = true;
    return Reply{};
}

}  // namespace

bool is_twitch_oauth(const Request& request) {
    return request.path.starts_with("/oauth2/");
}

Reply answer_twitch_oauth(World& world, const Call& call) {
    auto& grants = world.grants();
    const auto what = std::string_view{call.request.path}.substr(std::string_view{"/oauth2/"}.size());
    const bool post = call.request.method == "POST";
    if (what == "validate") return post ? refuse(405, "method not allowed") : validate(world, call);
    if (what == "authorize") {
        AuthorizePage page;
        page.platforms = {Platform::twitch};
        page.knows_scope = knows_scope;
        page.scope_required = false;
        page.scope_in_answer = true;
        return answer_authorize(grants, call, page);
    }
    if (what != "token" && what != "device" && what != "revoke") return refuse(404, "not found");
    if (!post) return refuse(405, "method not allowed");
    if (what == "token") return answer_token(grants, call);
    return what == "device" ? start_device(grants, call) : revoke(grants, call);
}

}  // namespace sim
