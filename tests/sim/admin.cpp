// SPDX-License-Identifier: Apache-2.0
// The control interface under /_sim/: commands of tests, counters, and the oracle.
//
// A body is a JSON object; members marked ? may be left out. Commands answer {"ok": true} unless said otherwise.
//
//   GET    /_sim/stats           {"requests", "by_platform", "by_status", "concurrent_max"}
//   GET    /_sim/oracle          ?platform&account&from&to[&at]: a line of JSON for each row a perfect collector holds
//   POST   /_sim/reset           world, faults, rules, tokens, clock and counters as at the start
//   POST   /_sim/fault           {kind, platform?, account?, path?, status?, retry_after?, count?, probability?,
//                                slow_ms?} gives {"id"}; kind: status, hang, cut, garbage, html, empty, slow, latin1,
//                                rate_limit, wrong_version. Of status and rate_limit the request has no effect
//   DELETE /_sim/fault[/ID]      one fault, or all
//   POST   /_sim/error           {status, body, headers?, platform?, account?, path?, count?}: matching requests are
//                                answered just so, undone like a fault
//   POST   /_sim/account         {platform, account, timezone?, currency?, followers?, created?, monetised?,
//                                reached_audience_demographics?, enabled?, broadcaster_type?}
//   POST   /_sim/restate         {platform, account, metric, date, add}
//   POST   /_sim/usage           {platform, percent, regain_minutes?}: in the usage headers of every Graph answer
//   POST   /_sim/revoke          {platform, account}: ends all tokens, refresh tokens too; /_sim/unrevoke brings back
//                                those that are named sim.PLATFORM.ACCOUNT
//   POST   /_sim/remove-metric   {platform, metric}; also /_sim/restore-metric
//   POST   /_sim/app             {client_id, secret?}: another application; without secret a public client
//   POST   /_sim/person          {platform, account, scopes?}: who sits at the authorize pages, and what stays ticked
//                                of what is asked (everything); an empty list refuses
//   POST   /_sim/approve         {user_code, account}: a person lets a Twitch device in
//   POST   /_sim/grant           {platform, account, scopes?, expires_in?, refresh_expires_in?, login?, client_id?}
//                                gives {"access_token", "refresh_token"?, "expires_at"?}; login: instagram_login or
//                                facebook_login of Instagram, facebook_login (a user token) or page of Facebook
//   POST   /_sim/expire          {platform, account}: all minted access tokens die now, refreshing works
//   POST   /_sim/rotation        {platform, mode}: none, always (a new refresh token, the old one stays good) or
//                                single_use (the old one dies); Twitch begins with single_use, others with none
//   POST   /_sim/refresh-age     {seconds}: how old an Instagram token must be to be refreshed (86400)
//   GET    /_sim/grants          {"accounts": [{"platform", "account", "grants": [{"client_id", "scopes",
//                                "access_tokens", "refreshable", "login"?}], "refreshes", "validations",
//                                "last_validation"}]}: what is alive, and what was used
//   POST   /_sim/limit           {platform, scope: app|token|account, requests, seconds}: so many in a window, then the
//                                platform's refusal until the window ends; the same platform and scope: replaced
//   DELETE /_sim/limit           all limits
//   GET    /_sim/violations      {"requests_while_told_to_wait", "refresh_tokens_reused", "requests_with_dead_token",
//                                "examples": the first 20}
//   POST   /_sim/clock           {offset_seconds}: the simulated now is the real one plus this
//   POST   /_sim/require-proof   {on}: a missing appsecret_proof is refused; a wrong one always is
//   POST   /_sim/served-version  {version}: in facebook-api-version of every Graph answer; "": what was asked for
#include "admin.hpp"

#include "command.hpp"
#include "facebook.hpp"
#include "grant_commands.hpp"
#include "guard_commands.hpp"
#include "instagram.hpp"
#include "oracle.hpp"
#include "snapchat.hpp"
#include "snapchat_profile.hpp"
#include "youtube.hpp"

#include <fmt/format.h>

namespace sim {
namespace {

Day day_from(std::string_view name) {
    const auto day = parse_day(name);
    if (!day) throw BadCommand{fmt::format("not a date: '{}'", name)};
    return *day;
}

Reply add_fault(Simulator& simulator, const Json& body) {
    allow_only(body,
               {"platform", "account", "path", "kind", "status", "retry_after", "count", "probability", "slow_ms"});
    Fault fault;
    const auto kind = parse_fault_kind(text(body, "kind"));
    if (!kind) throw BadCommand{fmt::format("unknown kind '{}'", text(body, "kind"))};
    fault.kind = *kind;
    if (body.contains("platform")) fault.platform = platform_of(text(body, "platform"));
    if (body.contains("account")) fault.account = text(body, "account");
    if (body.contains("path")) fault.path = text(body, "path");
    if (body.contains("status")) fault.status = static_cast<unsigned>(number(body, "status", 200, 599));
    if (body.contains("retry_after")) fault.retry_after = static_cast<int>(number(body, "retry_after", 0, 86400));
    if (body.contains("count")) fault.count = static_cast<std::uint64_t>(number(body, "count", 1, 1e12));
    if (body.contains("probability")) fault.probability = number(body, "probability", 0, 1);
    if (body.contains("slow_ms"))
        fault.slow_for = std::chrono::milliseconds{static_cast<std::int64_t>(number(body, "slow_ms", 0, 600'000))};
    return json_reply(200, Json{{"id", simulator.faults().add(std::move(fault))}});
}

/// Matching requests get exactly this status, body and headers; undone like any fault.
Reply add_error(Simulator& simulator, const Json& body) {
    allow_only(body, {"platform", "account", "path", "status", "body", "headers", "count"});
    if (!body.contains("status") || !body.contains("body")) throw BadCommand{"'status' and 'body' are needed"};
    Fault fault;
    fault.kind = FaultKind::answer;
    if (body.contains("platform")) fault.platform = platform_of(text(body, "platform"));
    if (body.contains("account")) fault.account = text(body, "account");
    if (body.contains("path")) fault.path = text(body, "path");
    if (body.contains("count")) fault.count = static_cast<std::uint64_t>(number(body, "count", 1, 1e12));
    fault.reply.status = static_cast<unsigned>(number(body, "status", 200, 599));
    const bool plain = body["body"].is_string();
    fault.reply.body = plain ? body["body"].get<std::string>() : render_json(body["body"]);
    if (plain) fault.reply.content_type = "text/plain; charset=UTF-8";
    const auto headers = body.value("headers", Json::object());
    if (!headers.is_object()) throw BadCommand{"'headers' must be an object of texts"};
    for (const auto& [name, value] : headers.items()) {
        if (!value.is_string()) throw BadCommand{"'headers' must be an object of texts"};
        if (name == "Content-Type")
            fault.reply.content_type = value.get<std::string>();
        else
            fault.reply.set(name, value.get<std::string>());
    }
    return json_reply(200, Json{{"id", simulator.faults().add(std::move(fault))}});
}

Reply delete_fault(Simulator& simulator, std::string_view id) {
    const auto wanted = parse_integer(id);
    if (!wanted || !simulator.faults().remove(static_cast<std::uint64_t>(*wanted)))
        return json_reply(404, Json{{"error", "no such fault"}});
    return done();
}

Reply set_account(Simulator& simulator, const Json& body) {
    allow_only(body, {"platform", "account", "timezone", "currency", "followers", "created", "monetised",
                      "reached_audience_demographics", "enabled", "broadcaster_type"});
    AccountOverride change;
    if (body.contains("timezone")) {
        change.zone = find_zone(text(body, "timezone"));
        if (change.zone == nullptr) throw BadCommand{fmt::format("unknown time zone '{}'", text(body, "timezone"))};
    }
    if (body.contains("currency")) change.currency = text(body, "currency");
    if (body.contains("followers")) change.followers = number(body, "followers", 0, 1e9);
    if (body.contains("created")) change.created = day_from(text(body, "created"));
    for (const auto& [name, into] : {std::pair{"monetised", &change.monetised},
                                     std::pair{"reached_audience_demographics", &change.reached_demographics},
                                     std::pair{"enabled", &change.enabled}}) {
        if (!body.contains(name)) continue;
        if (!body[name].is_boolean()) throw BadCommand{fmt::format("'{}' must be true or false", name)};
        *into = body[name].get<bool>();
    }
    if (body.contains("broadcaster_type")) {
        change.broadcaster_type = text(body, "broadcaster_type");
        const auto& type = *change.broadcaster_type;
        if (!type.empty() && type != "affiliate" && type != "partner")
            throw BadCommand{fmt::format("unknown broadcaster type '{}'", type)};
    }
    simulator.world().set_account(platform_of(text(body, "platform")), text(body, "account"), change);
    return done();
}

/// Only numbers that are drawn can be changed: parts and ratios follow from them.
bool restatable(Platform platform, std::string_view metric) {
    switch (platform) {
        case Platform::instagram: {
            const auto* found = find_instagram_metric(metric);
            return found != nullptr && !found->lifetime;
        }
        case Platform::facebook: {
            const auto* found = find_facebook_metric(metric);
            return found != nullptr && (found->kind == FacebookKind::count || found->kind == FacebookKind::state ||
                                        found->kind == FacebookKind::reactions || found->money());
        }
        case Platform::youtube: {
            const auto* found = find_youtube_metric(metric);
            return found != nullptr && found->rate > 0;
        }
        case Platform::snapchat_profile:
            return find_profile_field(metric) != nullptr;
        case Platform::twitch:
            return metric == "clips";
        case Platform::snapchat:
            break;
    }
    const auto* found = find_snapchat_field(metric);
    return found != nullptr && found->kind == SnapchatKind::additive;
}

Reply restate(Simulator& simulator, const Json& body) {
    allow_only(body, {"platform", "account", "metric", "date", "add"});
    const auto platform = platform_of(text(body, "platform"));
    const auto metric = text(body, "metric");
    if (!restatable(platform, metric))
        throw BadCommand{fmt::format("'{}' cannot be restated: name a plain metric", metric)};
    if (!body.contains("add") || !body["add"].is_number_integer()) throw BadCommand{"'add' must be an integer"};
    simulator.world().restate(platform, text(body, "account"), metric, day_from(text(body, "date")),
                              body["add"].get<std::int64_t>());
    return done();
}

Reply set_usage(Simulator& simulator, const Json& body) {
    allow_only(body, {"platform", "percent", "regain_minutes"});
    if (!body.contains("percent")) throw BadCommand{"'percent' must be a number"};
    Usage usage{static_cast<int>(number(body, "percent", 0, 100)), 0};
    if (body.contains("regain_minutes"))
        usage.regain_minutes = static_cast<int>(number(body, "regain_minutes", 0, 1440));
    simulator.world().set_usage(platform_of(text(body, "platform")), usage);
    return done();
}

Reply show_stats(const Stats& stats) {
    Json by_platform = Json::object();
    for (std::size_t i = 0; i < kPlatforms; ++i)
        by_platform[std::string{platform_name(static_cast<Platform>(i))}] = stats.by_platform[i];
    by_platform["other"] = stats.by_platform[kPlatforms];
    Json by_status = Json::object();
    for (const auto& [status, count] : stats.by_status) by_status[std::to_string(status)] = count;
    return json_reply(200, Json{{"requests", stats.requests},
                                {"by_platform", by_platform},
                                {"by_status", by_status},
                                {"concurrent_max", stats.concurrent_max}});
}

Reply show_oracle(Simulator& simulator, const Query& query, Instant now) {
    const auto platform = platform_of(query.get("platform"));
    if (query.get("account").empty()) throw BadCommand{"'account' is missing"};
    OracleAsk ask{simulator.world().account(platform, query.get("account")), day_from(query.get("from")),
                  day_from(query.get("to")), now};
    if (const auto* at = query.find("at")) {
        const auto parsed = parse_time(*at, find_zone("UTC"));
        if (!parsed) throw BadCommand{fmt::format("not a time: '{}'", *at)};
        ask.at = *parsed;
    }
    Reply reply;
    reply.content_type = "application/x-ndjson";
    consult_oracle(simulator.world(), ask, [&](const OracleRow& row) {
        Json line{{"platform", platform_name(platform)},
                  {"account_id", ask.account.id},
                  {"source", row.source},
                  {"metric", row.metric},
                  {"date", render_day(row.day)}};
        std::visit([&line](auto value) { line["value"] = value; }, row.value);
        reply.body += render_json(line) + "\n";
    });
    return reply;
}

Reply route(Simulator& simulator, const Request& request, Instant now) {
    const auto path = request.segments();
    const auto what = path.size() > 1 ? path[1] : std::string_view{};
    if (auto reply = answer_guard_command(simulator, request)) return *std::move(reply);
    if (auto reply = answer_grant_command(simulator, request)) return *std::move(reply);
    if (request.method == "GET" && path.size() == 2) {
        if (what == "stats") return show_stats(simulator.stats());
        if (what == "oracle") return show_oracle(simulator, request.query, now);
    }
    if (request.method == "DELETE" && what == "fault") {
        if (path.size() == 3) return delete_fault(simulator, path[2]);
        simulator.faults().clear();
        return done();
    }
    if (request.method == "POST" && path.size() == 2) {
        if (what == "reset") {
            simulator.reset();
            return done();
        }
        if (what == "fault") return add_fault(simulator, read_body(request));
        if (what == "error") return add_error(simulator, read_body(request));
        if (what == "account") return set_account(simulator, read_body(request));
        if (what == "restate") return restate(simulator, read_body(request));
        if (what == "usage") return set_usage(simulator, read_body(request));
        auto& world = simulator.world();
        if (what == "revoke" || what == "unrevoke") {
            const auto body = read_body(request);
            allow_only(body, {"platform", "account"});
            const auto platform = platform_of(text(body, "platform"));
            what == "revoke" ? world.revoke(platform, text(body, "account"))
                             : world.unrevoke(platform, text(body, "account"));
            return done();
        }
        if (what == "remove-metric" || what == "restore-metric") {
            const auto body = read_body(request);
            allow_only(body, {"platform", "metric"});
            const auto platform = platform_of(text(body, "platform"));
            what == "remove-metric" ? world.remove_metric(platform, text(body, "metric"))
                                    : world.restore_metric(platform, text(body, "metric"));
            return done();
        }
    }
    return json_reply(404, Json{{"error", fmt::format("no such command: {} {}", request.method, request.path)}});
}

}  // namespace

Reply answer_admin(Simulator& simulator, const Request& request, Instant now) {
    try {
        return route(simulator, request, now);
    } catch (const BadCommand& error) {
        return json_reply(400, Json{{"error", error.what()}});
    }
}

}  // namespace sim
