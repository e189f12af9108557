// SPDX-License-Identifier: Apache-2.0
// Control commands about applications, people and their tokens.
#include "grant_commands.hpp"

#include "command.hpp"
#include "grants.hpp"

#include <chrono>

namespace sim {
namespace {

using std::chrono::seconds;

constexpr double kCentury = 3.2e9;

std::optional<Scopes> scopes_of(const Json& body) {
    if (!body.contains("scopes")) return std::nullopt;
    if (body["scopes"].is_string()) return split_scopes(body["scopes"].get<std::string>());
    if (!body["scopes"].is_array()) throw BadCommand{"'scopes' must be a list of texts"};
    Scopes scopes;
    for (const auto& scope : body["scopes"]) {
        if (!scope.is_string()) throw BadCommand{"'scopes' must be a list of texts"};
        scopes.push_back(scope.get<std::string>());
    }
    return scopes;
}

std::optional<seconds> seconds_of(const Json& body, const char* name) {
    if (!body.contains(name)) return std::nullopt;
    return seconds{static_cast<std::int64_t>(number(body, name, 0, kCentury))};
}

Reply add_app(Grants& grants, const Json& body) {
    allow_only(body, {"client_id", "secret"});
    if (text(body, "client_id").empty()) throw BadCommand{"'client_id' is empty"};
    grants.add_app(text(body, "client_id"), body.contains("secret") ? text(body, "secret") : "");
    return done();
}

Reply set_person(Grants& grants, const Json& body) {
    allow_only(body, {"platform", "account", "scopes"});
    Person person;
    person.account = text(body, "account");
    person.ticked = scopes_of(body);
    grants.set_person(platform_of(text(body, "platform")), std::move(person));
    return done();
}

Reply approve(Grants& grants, const Json& body) {
    allow_only(body, {"user_code", "account"});
    auto* device = grants.find_user_code(text(body, "user_code"));
    if (device == nullptr || device->used || device->expires <= grants.now())
        throw BadCommand{fmt::format("no device waits with code '{}'", text(body, "user_code"))};
    device->account = text(body, "account");
    return done();
}

/// What a person is asked for who is asked for everything.
Scopes all_scopes(Platform platform, std::string_view login) {
    switch (platform) {
        case Platform::instagram:
            if (login == "instagram_login") return {"instagram_business_basic", "instagram_business_manage_insights"};
            return {"pages_show_list", "pages_read_engagement", "instagram_basic", "instagram_manage_insights"};
        case Platform::facebook:
            return {"pages_show_list", "pages_read_engagement", "read_insights"};
        case Platform::youtube:
            return {"https://www.googleapis.com/auth/youtube.readonly",
                    "https://www.googleapis.com/auth/yt-analytics.readonly"};
        case Platform::twitch:
            return {"channel:read:subscriptions", "moderator:read:followers"};
        default:
            return {"snapchat-marketing-api", "snapchat-profile-api"};
    }
}

std::string login_of(const Json& body, Platform platform) {
    const bool instagram = platform == Platform::instagram;
    const bool facebook = platform == Platform::facebook;
    if (!body.contains("login")) return instagram ? "instagram_login" : facebook ? "facebook_login" : "";
    const auto login = text(body, "login");
    if ((instagram && login == "instagram_login") || ((instagram || facebook) && login == "facebook_login") ||
        (facebook && login == "page"))
        return login;
    throw BadCommand{fmt::format("'{}' has no login '{}'", platform_name(platform), login)};
}

seconds usual_life(Platform platform) {
    switch (platform) {
        case Platform::youtube:
            return seconds{3599};
        case Platform::twitch:
            return seconds{14124};
        case Platform::instagram:
        case Platform::facebook:
            return seconds{5'183'944};
        default:
            return seconds{3600};
    }
}

Reply add_grant(Grants& grants, const Json& body) {
    allow_only(body, {"platform", "account", "scopes", "expires_in", "refresh_expires_in", "login", "client_id"});
    const auto platform = platform_of(text(body, "platform"));
    const auto login = login_of(body, platform);
    const auto app = body.contains("client_id") ? text(body, "client_id") : "sim-app";
    if (grants.secret_of(app) == nullptr) throw BadCommand{fmt::format("unknown application '{}'", app)};
    const auto life = seconds_of(body, "expires_in");
    const auto refresh_life = seconds_of(body, "refresh_expires_in");
    const auto scopes = scopes_of(body);
    const bool graph = platform == Platform::instagram || platform == Platform::facebook;
    if (graph && refresh_life) throw BadCommand{"Graph has no refresh tokens"};

    auto& grant = grants.open(platform, text(body, "account"), app, scopes ? *scopes : all_scopes(platform, login),
                              login == "page" ? "facebook_login" : login);
    auto lives = std::optional<seconds>{life.value_or(usual_life(platform))};
    if (login == "page" && !life) lives.reset();
    const auto token = grants.mint(grant, lives, graph, login == "page" ? TokenKind::page : TokenKind::user);
    Json answer{{"access_token", token}};
    if (!graph) answer["refresh_token"] = grants.mint_refresh(grant);
    if (refresh_life) grant.refresh_dies = grants.now() + *refresh_life;
    if (lives) answer["expires_at"] = render_utc_time(grants.now() + *lives, false);
    return json_reply(200, answer);
}

Reply set_rotation(Grants& grants, const Json& body) {
    allow_only(body, {"platform", "mode"});
    const auto platform = platform_of(text(body, "platform"));
    const auto mode = text(body, "mode");
    if (platform == Platform::instagram || platform == Platform::facebook)
        throw BadCommand{"Graph has no refresh tokens"};
    if (mode == "none")
        grants.set_rotation(platform, Rotation::none);
    else if (mode == "always")
        grants.set_rotation(platform, Rotation::always);
    else if (mode == "single_use")
        grants.set_rotation(platform, Rotation::single_use);
    else
        throw BadCommand{fmt::format("unknown mode '{}'", mode)};
    return done();
}

Reply expire(Grants& grants, const Json& body) {
    allow_only(body, {"platform", "account"});
    grants.expire(platform_of(text(body, "platform")), text(body, "account"));
    return done();
}

Reply set_refresh_age(Grants& grants, const Json& body) {
    allow_only(body, {"seconds"});
    const auto age = seconds_of(body, "seconds");
    if (!age) throw BadCommand{"'seconds' must be a number"};
    grants.set_refresh_age(*age);
    return done();
}

/// Accounts with a live token or refresh token, and those whose tokens were refreshed or validated.
Reply list_grants(const Grants& grants) {
    std::map<std::pair<Platform, std::string>, Json> alive;
    for (const auto& [account, use] : grants.uses()) alive[account] = Json::array();
    for (const auto& [id, grant] : grants.grants()) {
        const auto tokens = grants.alive_tokens(id);
        const bool refreshable = grants.refreshable(grant);
        if (tokens == 0 && !refreshable) continue;
        Json entry{{"client_id", grant.app},
                   {"scopes", grant.scopes},
                   {"access_tokens", tokens},
                   {"refreshable", refreshable}};
        if (!grant.login.empty()) entry["login"] = grant.login;
        auto& list = alive[{grant.platform, grant.account}];
        if (!list.is_array()) list = Json::array();
        list.push_back(std::move(entry));
    }
    Json accounts = Json::array();
    for (auto& [account, list] : alive) {
        const auto found = grants.uses().find(account);
        const auto use = found == grants.uses().end() ? TokenUse{} : found->second;
        accounts.push_back(Json{
            {"platform", platform_name(account.first)},
            {"account", account.second},
            {"grants", std::move(list)},
            {"refreshes", use.refreshes},
            {"validations", use.validations},
            {"last_validation", use.last_validation ? Json(render_utc_time(*use.last_validation, false)) : Json()}});
    }
    return json_reply(200, Json{{"accounts", std::move(accounts)}});
}

}  // namespace

std::optional<Reply> answer_grant_command(Simulator& simulator, const Request& request) {
    const auto path = request.segments();
    if (path.size() != 2) return std::nullopt;
    auto& grants = simulator.world().grants();
    const auto what = path[1];
    if (request.method == "GET" && what == "grants") return list_grants(grants);
    if (request.method != "POST") return std::nullopt;
    if (what == "app") return add_app(grants, read_body(request));
    if (what == "person") return set_person(grants, read_body(request));
    if (what == "approve") return approve(grants, read_body(request));
    if (what == "grant") return add_grant(grants, read_body(request));
    if (what == "expire") return expire(grants, read_body(request));
    if (what == "rotation") return set_rotation(grants, read_body(request));
    if (what == "refresh-age") return set_refresh_age(grants, read_body(request));
    return std::nullopt;
}

}  // namespace sim
