// SPDX-License-Identifier: Apache-2.0
// The routes over registry, views and dispatcher.
#include "daemon/api/control.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <ranges>

#include "common/error.hpp"
#include "common/or_null.hpp"
#include "daemon/api/input.hpp"
#include "daemon/collect/spending.hpp"
#include "daemon/collect/trigger_choice.hpp"
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

// -- Runs -------------------------------------------------------------------------------------------------------------

Control::Answer Control::trigger(const Request& request) {
    const auto body = request.json();
    allow_members(body, {"user", "platform", "account", "from", "to", "dry_run"});
    const store::TriggerScope scope{.user_id = text_member(body, "user"),
                                    .platform = text_member(body, "platform"),
                                    .account_id = text_member(body, "account"),
                                    .days = days_of(body)};
    if (scope.platform) check_platform(parts_, *scope.platform);
    const bool dry = flag_member(body, "dry_run");
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
    const auto filter = job_filter_of(request);
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
    allow_members(body, {"tier", "zone", "report_to"});
    const auto change = read_user_change(body);
    if (change.tier) check_tier(*change.tier);
    const auto create = request.query_value("create").value_or("");
    auto work = [user, change, create](store::Registry& registry) {
        if (create == "only" && registry.user_exists(user))
            throw Error(Fault::failed, fmt::format("the user '{}' exists already", user),
                        "Use 'tallyctl user set' to change it.");
        if (create == "never" && !registry.user_exists(user))
            throw Error(Fault::missing, fmt::format("there is no user '{}'", user), "Add it with 'tallyctl user add'.");
        return registry.put_user(user, change);
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
            check_tier(*line.user.change.tier);
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
