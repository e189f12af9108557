// SPDX-License-Identifier: Apache-2.0
// The routes over registry, views and dispatcher.
#include "daemon/api/control.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <ranges>

#include "common/error.hpp"
#include "common/version.hpp"
#include "daemon/api/input.hpp"
#include "daemon/collect/spending.hpp"
#include "daemon/platform/plan.hpp"

namespace tally::api {

namespace {

using nlohmann::json;

constexpr int kDryRunLimit = 2'000;        // connections that are planned, and whose cost is counted
constexpr std::size_t kDryRunShown = 200;  // connections whose plan one answer holds

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
    json object{{"platform", cost.platform},
                {"connections", cost.connections},
                {"requests", cost.requests},
                {"at_least", cost.at_least},
                {"limits", json::array()},
                {"blocked_until", cost.blocked_until ? json(render_instant(*cost.blocked_until)) : json(nullptr)},
                {"reason", cost.reason.empty() ? json(nullptr) : json(cost.reason)}};
    for (const auto& limit : cost.limits)
        object["limits"].push_back({{"limit", limit.limit},
                                    {"scope", platform::to_text(limit.scope)},
                                    {"key", limit.key.empty() ? json(nullptr) : json(limit.key)},
                                    {"needed", limit.needed},
                                    {"allowed", limit.allowed},
                                    {"per_seconds", std::chrono::duration<double>(limit.per).count()},
                                    {"left", limit.counted ? json(limit.left) : json(nullptr)},
                                    {"fits", !limit.fits_at.has_value()},
                                    {"fits_at", limit.fits_at ? json(render_instant(*limit.fits_at)) : json(nullptr)}});
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
            auto plan = platform::plan({.platform = *job.platform,
                                        .zone = platform::day_zone(*job.platform, job.target),
                                        .coverage = planned.coverage,
                                        .now = at,
                                        .backfill = job.backfill,
                                        .forced = days,
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

Control::Answer Control::health() {
    const auto started = std::chrono::steady_clock::now();
    json seen;
    std::string trouble;
    try {
        seen = co_await with_views(parts_, [](store::Views& views) { return views.status(); });
    } catch (const Error& error) {
        trouble = describe_line(error);
    }
    const auto elapsed = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
    const bool up = trouble.empty();
    json body{{"timestamp", render_instant(now())},
              {"services",
               {{"database", {{"status", up ? "up" : "down"}, {"responseTime", elapsed}}},
                {"etlPipeline", {{"status", parts_.dispatcher.draining() ? "draining" : "running"}}},
                {"jobQueues", {{"status", up ? "up" : "down"}}},
                {"backgroundJobs", {{"status", "up"}}}}},
              {"metrics",
               {{"totalUsers", 0},
                {"activeJobs", parts_.dispatcher.running()},
                {"failedJobs", 0},
                {"lastDataSync", nullptr}}}};
    bool degraded = false;
    if (up) {
        std::int64_t users = 0;
        for (const auto& [name, tier] : seen["tiers"].items()) users += tier.value("users", std::int64_t{0});
        body["metrics"]["totalUsers"] = users;
        body["metrics"]["failedJobs"] = seen["runs"]["last_24h"]["failed"];
        body["metrics"]["lastDataSync"] = seen["runs"]["last_finished_at"];
        // What a platform has announced is nothing that goes wrong.
        degraded = std::ranges::any_of(seen["attention"], [](const json& item) {
            return !item["kind"].get_ref<const std::string&>().ends_with("_ending");
        });
    } else {
        body["services"]["jobQueues"]["error"] = trouble;
    }
    body["status"] = !up ? "unhealthy" : degraded ? "degraded" : "healthy";
    co_return Response::json(up ? 200 : 503, body);
}

Control::Answer Control::status() {
    const auto started = std::chrono::steady_clock::now();
    auto seen = co_await with_views(parts_, [](store::Views& views) { return views.status(); });
    const auto elapsed = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
    const auto rules = parts_.dispatcher.rules();
    const auto& facts = parts_.facts;

    json data;
    data["daemon"] = {
        {"version", version()},
        {"pid", ::getpid()},
        {"uptime_seconds", std::chrono::floor<std::chrono::seconds>(now() - facts.started_at).count()},
        {"node", facts.node},
        {"config_file", rules->config.source_file.empty() ? json(nullptr) : json(rules->config.source_file)},
        {"reload_error", facts.reload_error.empty() ? json(nullptr) : json(facts.reload_error)},
        {"state", parts_.dispatcher.draining() ? "draining" : "running"}};
    data["database"] = seen["database"];
    data["database"].update({{"status", "up"},
                             {"kind", facts.database_kind},
                             {"url", facts.database_url},
                             {"response_ms", std::round(elapsed * 10) / 10},
                             {"vault_key", facts.vault_key}});
    data["nodes"] = seen["nodes"];
    data["tiers"] = json::array();
    for (const auto& [name, tier] : rules->config.tiers) {
        const auto known = seen["tiers"].find(name);
        const auto at = now();
        const auto next = schedule::next_slot(rules->schedule_of(name), std::chrono::seconds{0}, std::nullopt, at);
        data["tiers"].push_back(
            {{"name", name},
             {"schedule", tier.every ? "every " + render_duration(*tier.every) : "cron " + tier.cron.value_or("")},
             {"zone", tier.zone},
             {"users", known == seen["tiers"].end() ? json(0) : (*known)["users"]},
             {"next_slot", known == seen["tiers"].end() || (*known)["next_slot"].is_null() ? json(render_instant(next))
                                                                                           : (*known)["next_slot"]},
             {"slack_seconds", tier.slack.count()}});
    }
    data["platforms"] = json::array();
    for (const auto& platform : rules->catalog.all()) {
        json entry = seen["platforms"].value(platform->name, json{{"connections", 0},
                                                                  {"active", 0},
                                                                  {"needs_attention", 0},
                                                                  {"last_success_at", nullptr},
                                                                  {"failed_24h", 0}});
        entry["platform"] = platform->name;
        entry["title"] = platform->title;
        entry["enabled"] = rules->config.platform(platform->name).enabled;
        entry["api_version"] = platform->api.version.empty() ? json(nullptr) : json(platform->api.version);
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

// -- Runs -------------------------------------------------------------------------------------------------------------

Control::Answer Control::trigger(const Request& request) {
    const auto body = request.json();
    allow_members(body, {"user", "platform", "account", "from", "to", "dry_run"});
    const store::TriggerScope scope{.user_id = text_member(body, "user"),
                                    .platform = text_member(body, "platform"),
                                    .account_id = text_member(body, "account"),
                                    .days = days_of(body)};
    if (scope.platform) check_platform(parts_, *scope.platform);
    if (body.value("dry_run", json(false)) == json(true)) co_return co_await dry_run(scope);
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
                                   {"connections", group.connections}});
}

Control::Answer Control::dry_run(store::TriggerScope scope) {
    const auto rules = parts_.dispatcher.rules();
    co_await parts_.budgets.flush();  // what was spent in the last seconds counts too
    auto work = [&vault = parts_.vault, rules, scope](postgres::Session& session) {
        store::Registry registry{session, vault, {}};
        store::Views views{session};
        return dry_run_json(*rules, registry.plannable(scope, kDryRunLimit + 1), views.budgets(scope.platform),
                            scope.days);
    };
    co_return Response::data(co_await with_session(parts_, std::move(work)));
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
