// SPDX-License-Identifier: Apache-2.0
// The routes over registry, views and dispatcher.
#include "daemon/api/control.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ranges>

#include "common/error.hpp"
#include "common/or_null.hpp"
#include "common/version.hpp"
#include "daemon/api/input.hpp"
#include "daemon/collect/spending.hpp"
#include "daemon/collect/trigger_choice.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/schedule/describe.hpp"
#include "daemon/schedule/lateness.hpp"

namespace tally::api {

namespace {

using nlohmann::json;

constexpr auto kHealthWait = std::chrono::milliseconds{1'500};
constexpr auto kPatience = std::chrono::minutes{1};  // results wait in memory meanwhile, and a restart would lose them
constexpr int kDryRunLimit = 2'000;                  // connections that are planned, and whose cost is counted
constexpr std::size_t kDryRunShown = 200;            // connections whose plan one answer holds

std::vector<std::string> names_of(const auto& map) {
    std::vector<std::string> names;
    for (const auto& [name, value] : map) names.push_back(name);
    return names;
}

json request_json(const platform::Task& task) {
    json object{{"request", task.request->name}, {"metrics", task.metrics}};
    if (task.days) {
        object["from"] = render_day(task.days->first);
        object["to"] = render_day(task.days->last);
    }
    return object;
}

json cost_json(const collect::PlatformCost& cost) {
    json object{{"platform", cost.platform},     {"connections", cost.connections},
                {"requests", cost.requests},     {"at_least", cost.at_least},
                {"limits", json::array()},       {"blocked_until", or_null(cost.blocked_until)},
                {"reason", or_null(cost.reason)}};
    for (const auto& limit : cost.limits)
        object["limits"].push_back({{"limit", limit.limit},
                                    {"scope", platform::to_text(limit.scope)},
                                    {"key", or_null(limit.key)},
                                    {"needed", limit.needed},
                                    {"allowed", limit.allowed},
                                    {"per_seconds", std::chrono::duration<double>(limit.per).count()},
                                    {"left", limit.counted ? json(limit.left) : json(nullptr)},
                                    {"fits", !limit.fits_at.has_value()},
                                    {"fits_at", or_null(limit.fits_at)}});
    return object;
}

/// Plans every connection: what is asked for, and what that costs under the limits.
json dry_run_json(const collect::Rules& rules, const std::vector<store::Registry::Plannable>& connections,
                  const std::vector<store::BudgetRow>& budgets, const std::optional<DayRange>& days) {
    const auto at = now();
    json list = json::array();
    std::map<std::string, std::vector<collect::PlannedCost>> costs;
    for (const auto& planned : connections | std::views::take(kDryRunLimit)) {
        json entry{{"user_id", planned.name.user_id},
                   {"platform", planned.name.platform},
                   {"account_id", planned.name.account_id},
                   {"requests", json::array()}};
        try {
            auto job = collect::make_job(rules, planned.tier, planned.name.platform, planned.name.account_id,
                                         planned.attributes, {});
            const auto wanted = days ? collect::still_kept(*days, rules.oldest_kept(planned.tier, at)) : std::nullopt;
            if (days && !wanted) throw Error(Fault::failed, "the days are older than what its tier keeps");
            auto plan = platform::plan({.platform = *job.platform,
                                        .zone = platform::day_zone(*job.platform, job.target),
                                        .coverage = planned.coverage,
                                        .now = at,
                                        .backfill = job.backfill,
                                        .forced = wanted,
                                        .attributes = planned.attributes,
                                        .max_tasks = SIZE_MAX});
            const auto shown = std::min(plan.tasks.size(), job.max_tasks);
            for (const auto& task : plan.tasks | std::views::take(shown))
                entry["requests"].push_back(request_json(task));
            entry["requests_left"] = plan.tasks.size() - shown;
            costs[planned.name.platform].push_back({.target = std::move(job.target), .tasks = std::move(plan.tasks)});
        } catch (const Error& error) {
            entry["note"] = describe_line(error);
        }
        if (list.size() < kDryRunShown) list.push_back(std::move(entry));
    }
    json cost = json::array();
    for (const auto& [name, plans] : costs)
        cost.push_back(cost_json(
            collect::cost_of(*rules.catalog.find(name), plans, collect::spending_of(rules, name, budgets, at), at)));
    const auto counted = std::min<std::size_t>(connections.size(), kDryRunLimit);
    return {{"connections", std::move(list)},
            {"truncated", connections.size() > kDryRunShown},
            {"cost", std::move(cost)},
            {"cost_connections", counted},
            {"cost_truncated", connections.size() > counted}};
}

/// The service level of a tier over the last day: how late its slots were served; null when none was due.
json lateness_json(const json& tier, std::chrono::seconds slack) {
    const auto counts = tier.value("lateness", schedule::LatenessCounts{});
    if (!schedule::lateness_part(counts, slack)) return nullptr;
    return {{"slots", std::accumulate(counts.begin(), counts.end(), std::int64_t{0})},
            {"p50_seconds", *schedule::lateness_percentile(counts, 0.5)},
            {"p95_seconds", *schedule::lateness_percentile(counts, 0.95)},
            {"p99_seconds", *schedule::lateness_percentile(counts, 0.99)},
            {"in_time", *schedule::lateness_part(counts, slack)}};
}

/// What refused metrics are replaced by, as far as the platform files know.
void name_replacements(const platform::Catalog& catalog, json& attention) {
    for (auto& item : attention) {
        if (item["kind"] != "metric_refused") continue;
        const auto subject = item["subject"].get<std::string>();
        const auto platform = catalog.find(subject.substr(0, subject.find(' ')));
        const auto* metric = platform ? platform->find_metric(subject.substr(subject.find(' ') + 1)) : nullptr;
        if (metric == nullptr || metric->replaced_by.empty()) continue;
        item["replaced_by"] = metric->replaced_by;
        if (item["message"].get_ref<const std::string&>().find(metric->replaced_by) != std::string::npos) continue;
        item["message"] = fmt::format("{}; replaced by '{}'", item["message"].get<std::string>(), metric->replaced_by);
    }
}

/// Without what not every account has: that is no news. GET /api/internal/quarantine has all.
json unexpected(const platform::Catalog& catalog, const json& quarantine) {
    json list = json::array();
    for (const auto& item : quarantine) {
        const auto platform = catalog.find(item.value("platform", ""));
        const auto* request = platform ? platform->find_request(item.value("request", "")) : nullptr;
        const auto name = item.find("metric");
        const auto* metric = platform && name != item.end() && name->is_string()
                                 ? platform->find_metric(name->get<std::string>())
                                 : nullptr;
        const bool optional = (request != nullptr && request->optional) || (metric != nullptr && metric->optional);
        if (!optional) list.push_back(item);
    }
    return list;
}

}  // namespace

void Control::check_tier(const std::string& tier) const {
    const auto& tiers = parts_.dispatcher.rules()->config.tiers;
    if (!tiers.contains(tier))
        throw Error(Fault::usage, fmt::format("there is no tier '{}'", tier),
                    fmt::format("Known: {}.", fmt::join(names_of(tiers), ", ")));
}

store::SlotPlan slot_plan(std::shared_ptr<const collect::Rules> rules) {
    return {.next = [rules](const std::string& tier,
                            std::int64_t connection) { return rules->next_slot(tier, connection, now()); },
            .slack = [rules](const std::string& tier) { return rules->slack_of(tier); },
            .due =
                [rules](const std::string& tier, std::int64_t connection, Instant first, Instant until) {
                    return schedule::collapse(rules->schedule_of(tier), rules->phase_of(tier, connection), first,
                                              until);
                }};
}

void check_platform(const Parts& parts, const std::string& platform) {
    const auto& catalog = parts.dispatcher.rules()->catalog;
    if (catalog.find(platform)) return;
    std::vector<std::string> known;
    for (const auto& entry : catalog.all()) known.push_back(entry->name);
    throw Error(Fault::usage, fmt::format("there is no platform '{}'", platform),
                fmt::format("Known: {}.", fmt::join(known, ", ")));
}

void Control::add_to(Router& router) {
    const auto add = [&](const char* method, const char* pattern, auto member) {
        router.add(method, pattern, Access::guarded,
                   [this, member](const Request& request) { return (this->*member)(request); });
    };
    router.add("GET", "/api/health", Access::open, [this](const Request&) { return health(); });
    router.add("GET", "/api/internal/status", Access::guarded, [this](const Request&) { return status(); });
    add("GET", "/metrics", &Control::metrics);
    add("POST", "/api/internal/analytics/trigger-collection", &Control::trigger);
    add("GET", "/api/internal/run-groups/{id}", &Control::run_group);
    add("GET", "/api/internal/users", &Control::list_users);
    add("POST", "/api/internal/users/import", &Control::import_users);
    add("GET", "/api/internal/users/{user}", &Control::show_user);
    add("PUT", "/api/internal/users/{user}", &Control::put_user);
    add("DELETE", "/api/internal/users/{user}", &Control::delete_user);
    add("GET", "/api/internal/jobs", &Control::list_jobs);
    add("GET", "/api/internal/jobs/{id}", &Control::show_job);
}

// -- Health and status ------------------------------------------------------------------------------------------------

boost::asio::awaitable<void> Control::look() {
    try {
        look_.seen = co_await with_views(parts_, [](store::Views& views) { return views.status(); });
        look_.trouble.clear();
    } catch (const std::exception& error) {
        look_.trouble = describe_line(error);
    }
    look_.took = std::chrono::steady_clock::now() - look_.began;
    look_.under_way = false;
    look_.ended.cancel();
}

/// The look outlives the request that began it: a database that hangs must not hold up the answer. The loop does not
/// end before it does, and it has the time limit of every database call.
void Control::begin_look() {
    if (look_.under_way) return;
    look_.under_way = true;
    look_.began = std::chrono::steady_clock::now();
    look_.ended.expires_after(kHealthWait);
    boost::asio::co_spawn(parts_.executor, look(), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    });
}

Control::Answer Control::health() {
    begin_look();
    co_await look_.ended.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));

    const auto outage = parts_.database.trouble();
    const bool up = outage == outage.zero() && look_.trouble.empty();
    const bool known = !look_.seen.is_null();
    const std::chrono::duration<double, std::milli> elapsed =
        look_.under_way ? std::chrono::steady_clock::now() - look_.began : look_.took;
    json body{{"timestamp", render_instant(now())},
              {"services",
               {{"database", {{"status", up ? "up" : "down"}, {"responseTime", elapsed.count()}}},
                {"etlPipeline", {{"status", parts_.dispatcher.draining() ? "draining" : "running"}}},
                {"jobQueues", {{"status", up ? "up" : "down"}}},
                {"backgroundJobs", {{"status", "up"}}}}},
              {"metrics",
               {{"totalUsers", 0},
                {"activeJobs", parts_.dispatcher.running()},
                {"failedJobs", 0},
                {"lastDataSync", nullptr}}}};
    bool attention = false;
    if (known) {
        const auto& seen = look_.seen;
        std::int64_t users = 0;
        for (const auto& [name, tier] : seen["tiers"].items()) users += tier.value("users", std::int64_t{0});
        body["metrics"]["totalUsers"] = users;
        body["metrics"]["failedJobs"] = seen["runs"]["last_24h"]["failed"];
        body["metrics"]["lastDataSync"] = seen["runs"]["last_finished_at"];
        // What a platform has announced is nothing that goes wrong.
        attention = std::ranges::any_of(seen["attention"], [](const json& item) {
            return !item["kind"].get_ref<const std::string&>().ends_with("_ending");
        });
    }
    if (!up) {
        auto trouble = parts_.database.error();
        if (trouble.empty()) trouble = look_.trouble;
        body["services"]["jobQueues"]["error"] = trouble.empty() ? "the database does not answer" : trouble;
    }
    const bool unhealthy = outage >= kPatience;
    body["status"] = unhealthy ? "unhealthy" : !up || !known || attention ? "degraded" : "healthy";
    co_return Response::json(unhealthy ? 503 : 200, body);
}

Control::Answer Control::status() {
    const auto started = std::chrono::steady_clock::now();
    auto seen = co_await with_views(parts_, [](store::Views& views) { return views.status(); });
    const auto elapsed = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
    const auto rules = parts_.dispatcher.rules();
    const auto& facts = parts_.facts;

    json data;
    data["daemon"] = {{"version", version()},
                      {"pid", ::getpid()},
                      {"uptime_seconds", std::chrono::floor<std::chrono::seconds>(now() - facts.started_at).count()},
                      {"node", facts.node},
                      {"config_file", or_null(rules->config.source_file)},
                      {"reload_error", or_null(facts.reload_error)},
                      {"state", parts_.dispatcher.draining() ? "draining" : "running"}};
    data["database"] = seen["database"];
    data["database"].update({{"status", "up"},
                             {"kind", facts.database_kind},
                             {"url", facts.database_url},
                             {"response_ms", std::round(elapsed * 10) / 10},
                             {"vault_key", facts.vault_key}});
    std::int64_t running = 0;
    for (auto& node : seen["nodes"]) {
        if (node["node"] == facts.node)
            node["leases"] = parts_.dispatcher.running();  // the others' last heartbeat told
        if (node["alive"] == true) running += node["leases"].get<std::int64_t>();
    }
    seen["backlog"]["running"] = running;
    data["nodes"] = seen["nodes"];
    data["tiers"] = json::array();
    for (const auto& [name, tier] : rules->config.tiers) {
        const auto known = seen["tiers"].value(name, json::object());
        const auto at = now();
        const auto next = schedule::next_slot(rules->schedule_of(name), std::chrono::seconds{0}, std::nullopt, at);
        data["tiers"].push_back({{"name", name},
                                 {"schedule", schedule::describe(tier)},
                                 {"zone", tier.zone},
                                 {"users", known.value("users", 0)},
                                 {"next_slot", next == schedule::kNoSlot ? json(nullptr) : json(render_instant(next))},
                                 {"slack_seconds", tier.slack.count()},
                                 {"lateness", lateness_json(known, tier.slack)}});
    }
    data["platforms"] = json::array();
    const auto troubled = parts_.dispatcher.troubled();
    for (const auto& platform : rules->catalog.all()) {
        json entry = seen["platforms"].value(platform->name, json{{"connections", 0},
                                                                  {"active", 0},
                                                                  {"needs_attention", 0},
                                                                  {"last_success_at", nullptr},
                                                                  {"failed_24h", 0}});
        entry["platform"] = platform->name;
        entry["title"] = platform->title;
        entry["enabled"] = rules->config.platform(platform->name).enabled;
        entry["api_version"] = or_null(platform->api.version);
        const auto trouble = troubled.find(platform->name);
        entry["state"] = trouble == troubled.end()                                  ? "ok"
                         : trouble->second.state() == collect::Breaker::State::open ? "down"
                                                                                    : "recovering";
        entry["state_since"] =
            trouble == troubled.end() ? json(nullptr) : json(render_instant(trouble->second.since()));
        data["platforms"].push_back(std::move(entry));
    }
    data["backlog"] = seen["backlog"];
    data["runs"] = seen["runs"];
    data["attention"] = seen["attention"];
    name_replacements(rules->catalog, data["attention"]);
    data["quarantine"] = unexpected(rules->catalog, seen["quarantine"]);
    data["backfills"] = seen["backfills"];
    if (!facts.reload_error.empty())
        data["attention"].insert(data["attention"].begin(), {{"kind", "configuration"},
                                                             {"subject", "tallyd.yaml"},
                                                             {"message", facts.reload_error},
                                                             {"since", nullptr}});
    co_return Response::data(data);
}

Control::Answer Control::metrics(const Request&) {
    Response response;
    response.body = parts_.dispatcher.metrics().text();
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    co_return response;
}

// -- Runs -------------------------------------------------------------------------------------------------------------

Control::Answer Control::trigger(const Request& request) {
    const auto body = request.json();
    allow_members(body, {"user", "platform", "account", "from", "to", "dry_run"});
    const store::TriggerScope scope{.user_id = text_member(body, "user"),
                                    .platform = text_member(body, "platform"),
                                    .account_id = text_member(body, "account"),
                                    .days = days_of(body)};
    if (scope.platform) check_platform(parts_, *scope.platform);
    const bool dry = body.value("dry_run", json(false)) == json(true);
    auto notes = co_await retention_notes(scope);
    if (dry) {
        auto plan = co_await dry_run(scope);
        plan["notes"] = std::move(notes);
        co_return Response::data(plan);
    }
    auto work = [scope](store::Registry& registry) {
        if (scope.user_id && !registry.user_exists(*scope.user_id))
            throw Error(Fault::missing, fmt::format("there is no user '{}'", *scope.user_id),
                        "See 'tallyctl user list'.");
        return registry.trigger(scope);
    };
    const auto group = co_await with_registry(parts_, std::move(work));
    if (group.connections == 0)
        throw Error(Fault::missing, "no active connection matches", "See 'tallyctl connection list'.");
    parts_.dispatcher.wake();
    co_return Response::json(202, {{"success", true},
                                   {"message", fmt::format("collection of {} connection{} triggered", group.connections,
                                                           group.connections == 1 ? "" : "s")},
                                   {"triggered_at", render_instant(now())},
                                   {"run_group", group.id},
                                   {"connections", group.connections},
                                   {"notes", std::move(notes)}});
}

/// What is older than a tier keeps is not collected, because the next night would delete it again.
boost::asio::awaitable<json> Control::retention_notes(store::TriggerScope scope) {
    json notes = json::array();
    if (!scope.days) co_return notes;
    const auto days = *scope.days;
    auto work = [scope](postgres::Session& session) {
        std::vector<std::string> tiers;
        auto transaction = session.begin_read_only();
        for (const auto& row : transaction.exec("tiers_of_scope", {scope.user_id, scope.platform, scope.account_id}))
            tiers.push_back(row.text("tier"));
        return tiers;
    };
    const auto tiers = co_await with_session(parts_, std::move(work));
    const auto rules = parts_.dispatcher.rules();
    std::size_t pointless = 0;
    for (const auto& tier : tiers) {
        const auto oldest = rules->oldest_kept(tier, now());
        if (!oldest || days.first >= *oldest) continue;
        if (days.last < *oldest) ++pointless;
        notes.push_back(fmt::format("tier '{}' keeps {} days: days before {} are not collected", tier,
                                    rules->retention_of(tier)->count(), render_day(*oldest)));
    }
    if (!tiers.empty() && pointless == tiers.size())
        throw Error(Fault::usage, fmt::format("nothing to collect: {}", notes[0].get<std::string>()),
                    "Numbers that old are deleted every night; tiers.<name>.retention says how long they are kept.");
    co_return notes;
}

boost::asio::awaitable<json> Control::dry_run(store::TriggerScope scope) {
    const auto rules = parts_.dispatcher.rules();
    co_await parts_.budgets.flush();  // what was spent in the last seconds counts too
    auto work = [&vault = parts_.vault, rules, scope](postgres::Session& session) {
        store::Registry registry{session, vault, {}};
        store::Views views{session};
        return dry_run_json(*rules, registry.plannable(scope, kDryRunLimit + 1), views.budgets(scope.platform),
                            scope.days);
    };
    co_return co_await with_session(parts_, std::move(work));
}

Control::Answer Control::run_group(const Request& request) {
    const auto id = id_of(request);
    auto work = [id](store::Views& views) { return views.group(id); };
    const auto group = co_await with_views(parts_, std::move(work));
    if (!group) throw Error(Fault::missing, fmt::format("there is no run group {}", id));
    co_return Response::data(*group);
}

Control::Answer Control::list_jobs(const Request& request) {
    const auto filter = filter_of(request);
    auto work = [filter](store::Views& views) { return views.jobs(filter); };
    co_return Response::data(co_await with_views(parts_, std::move(work)));
}

Control::Answer Control::show_job(const Request& request) {
    const auto id = id_of(request);
    auto work = [id](store::Views& views) { return views.job(id); };
    const auto job = co_await with_views(parts_, std::move(work));
    if (!job) throw Error(Fault::missing, fmt::format("there is no job {}", id), "See 'tallyctl job list'.");
    co_return Response::data(*job);
}

// -- Users ------------------------------------------------------------------------------------------------------------

Control::Answer Control::list_users(const Request& request) {
    const auto filter = filter_of(request);
    auto work = [filter](store::Views& views) { return views.users(filter); };
    co_return Response::data(co_await with_views(parts_, std::move(work)));
}

Control::Answer Control::show_user(const Request& request) {
    store::ListFilter filter;
    filter.user_id = request.params.at("user");
    auto work = [filter](store::Views& views) {
        auto users = views.users(filter)["users"];
        if (!users.empty()) users[0]["connections"] = views.connections(filter)["connections"];
        return users;
    };
    auto found = co_await with_views(parts_, std::move(work));
    if (found.empty())
        throw Error(Fault::missing, fmt::format("there is no user '{}'", *filter.user_id), "See 'tallyctl user list'.");
    co_return Response::data(found[0]);
}

Control::Answer Control::put_user(const Request& request) {
    const auto& user = request.params.at("user");
    check_id("user", user);
    const auto body = request.json();
    allow_members(body, {"tier", "zone"});
    const auto tier = text_member(body, "tier"), zone = text_member(body, "zone");
    if (tier) check_tier(*tier);
    if (zone) check_zone(*zone);
    const auto create = request.query_value("create").value_or("");
    auto work = [user, tier, zone, create](store::Registry& registry) {
        if (create == "only" && registry.user_exists(user))
            throw Error(Fault::failed, fmt::format("the user '{}' exists already", user),
                        "Use 'tallyctl user set' to change it.");
        if (create == "never" && !registry.user_exists(user))
            throw Error(Fault::missing, fmt::format("there is no user '{}'", user), "Add it with 'tallyctl user add'.");
        return registry.put_user(user, tier, zone);
    };
    const bool created = co_await with_registry(parts_, std::move(work));
    parts_.dispatcher.wake();
    co_return Response::data({{"id", user}, {"created", created}}, created ? 201 : 200);
}

Control::Answer Control::delete_user(const Request& request) {
    const auto& user = request.params.at("user");
    auto work = [user](store::Registry& registry) {
        registry.remove_user(user);
        return true;
    };
    co_await with_registry(parts_, std::move(work));
    co_return Response::data({{"id", user}, {"removed", true}});
}

Control::Answer Control::import_users(const Request& request) {
    struct Line {
        std::size_t number;
        std::string problem;
        store::Registry::ImportedUser user;
    };
    auto lines = std::make_shared<std::vector<Line>>();
    std::string_view rest = request.body;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const auto end = rest.find('\n');
        const std::string text{rest.substr(0, end)};
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
        Line line{.number = number, .problem = {}, .user = {}};
        try {
            line.user = read_imported_user(text);
            check_tier(line.user.tier);
            for (const auto& connection : line.user.connections) check_platform(parts_, connection.name.platform);
        } catch (const Error& error) {
            line.problem = describe_line(error);
        }
        lines->push_back(std::move(line));
    }
    auto work = [lines](store::Registry& registry) {
        for (auto& line : *lines) {
            if (!line.problem.empty()) continue;
            try {
                registry.import_user(line.user);
            } catch (const postgres::SqlError& error) {
                if (!error.is_refusal()) throw;
                line.problem = describe_line(error);
            }
        }
        return true;
    };
    co_await with_registry(parts_, std::move(work));
    json refused = json::array();
    std::size_t users = 0, connections = 0;
    for (const auto& line : *lines) {
        if (!line.problem.empty()) {
            refused.push_back({{"line", line.number}, {"message", line.problem}});
            continue;
        }
        ++users;
        connections += line.user.connections.size();
    }
    parts_.dispatcher.wake();
    co_return Response::data({{"users", users}, {"connections", connections}, {"refused", std::move(refused)}});
}

}  // namespace tally::api
