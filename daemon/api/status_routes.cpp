// SPDX-License-Identifier: Apache-2.0
// Health, status and metrics, from the views, the dispatcher and what only the daemon knows.
#include "daemon/api/status_routes.hpp"

#include <fmt/format.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numeric>
#include <tuple>

#include "common/config/options.hpp"
#include "common/error.hpp"
#include "common/or_null.hpp"
#include "common/version.hpp"
#include "daemon/api/gauges.hpp"
#include "daemon/schedule/describe.hpp"
#include "daemon/schedule/lateness.hpp"

namespace tally::api {

namespace {

using nlohmann::json;

constexpr auto kHealthWait = std::chrono::milliseconds{1'500};
constexpr auto kPatience = std::chrono::minutes{1};  // results wait in memory meanwhile, and a restart would lose them

/// Of this process; null when the kernel does not say.
json resident_bytes() {
    std::int64_t all = 0, resident = 0;
    std::ifstream file{"/proc/self/statm"};
    if (!(file >> all >> resident)) return nullptr;
    return resident * ::sysconf(_SC_PAGESIZE);
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

void StatusRoutes::add_to(Router& router) {
    router.add("GET", "/api/health", Access::open, [this](const Request&) { return health(); });
    router.add("GET", "/api/analytics/health", Access::guarded, [this](const Request&) { return health(); });
    router.add("GET", "/api/analytics/system", Access::guarded, [this](const Request&) { return status(); });
    router.add("GET", "/api/health/detailed", Access::guarded, [this](const Request&) { return detailed(); });
    router.add("GET", "/api/internal/status", Access::guarded, [this](const Request&) { return status(); });
    router.add("GET", "/metrics", Access::guarded, [this](const Request&) { return metrics(); });
}

boost::asio::awaitable<void> StatusRoutes::look() {
    try {
        auto work = [](store::Views& views) { return std::pair{views.status(), views.budgets(std::nullopt, "app")}; };
        std::tie(look_.seen, look_.budgets) = co_await with_views(parts_, std::move(work));
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
void StatusRoutes::begin_look() {
    if (look_.under_way) return;
    look_.under_way = true;
    look_.began = std::chrono::steady_clock::now();
    look_.ended.expires_after(kHealthWait);
    boost::asio::co_spawn(parts_.executor, look(), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    });
}

/// Whether the database is up, as far as a look of some patience tells.
boost::asio::awaitable<bool> StatusRoutes::await_look() {
    begin_look();
    co_await look_.ended.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return parts_.database.trouble() == service::DatabaseWatch::Clock::duration::zero() && look_.trouble.empty();
}

boost::asio::awaitable<StatusRoutes::Health> StatusRoutes::examine() {
    const bool up = co_await await_look();
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
    const bool unhealthy = parts_.database.trouble() >= kPatience;
    body["status"] = unhealthy ? "unhealthy" : !up || !known || attention ? "degraded" : "healthy";
    co_return Health{.body = std::move(body), .unhealthy = unhealthy};
}

StatusRoutes::Answer StatusRoutes::health() {
    const auto health = co_await examine();
    co_return Response::json(health.unhealthy ? 503 : 200, health.body);
}

/// What the last look at the database saw stands in for what it cannot say now.
StatusRoutes::Answer StatusRoutes::detailed() {
    auto health = co_await examine();
    const auto& facts = parts_.facts;
    const auto& seen = look_.seen;
    health.body["uptime"] = std::chrono::floor<std::chrono::seconds>(now() - facts.started_at).count();
    health.body["memory"] = {{"residentBytes", resident_bytes()}};
    health.body["versions"] = {
        {"tallyd", version()},
        {"database", seen.is_null() ? json(nullptr) : seen["database"].value("server_version", json(nullptr))},
        {"schema", seen.is_null() ? json(nullptr) : seen["database"].value("schema_version", json(nullptr))}};
    health.body["configuration"] = config::to_json(parts_.dispatcher.rules()->config);
    health.body["platforms"] = platforms_json(seen.is_null() ? json::object() : seen["platforms"]);
    co_return Response::json(health.unhealthy ? 503 : 200, health.body);
}

/// @param seen what the database told of each platform, by name
json StatusRoutes::platforms_json(const json& seen) const {
    const auto rules = parts_.dispatcher.rules();
    json list = json::array();
    const auto troubled = parts_.dispatcher.troubled();
    for (const auto& platform : rules->catalog.all()) {
        json entry = seen.value(platform->name, json{{"connections", 0},
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
        list.push_back(std::move(entry));
    }
    return list;
}

StatusRoutes::Answer StatusRoutes::status() {
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
    data["platforms"] = platforms_json(seen["platforms"]);
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

StatusRoutes::Answer StatusRoutes::metrics() {
    const bool up = co_await await_look() && !look_.under_way;
    const auto rules = parts_.dispatcher.rules();
    GaugeFacts facts{.version = std::string{version()},
                     .activity = parts_.dispatcher.activity(),
                     .platforms = {},
                     .troubled = parts_.dispatcher.troubled(),
                     .database_up = up,
                     .database_response = look_.took,
                     .seen = look_.seen,
                     .spending = {}};
    for (const auto& platform : rules->catalog.all()) facts.platforms.push_back(platform->name);
    for (auto& spent : collect::spending_of(*rules, std::nullopt, look_.budgets, now())) {
        // Of an app that nobody has used there is no row, and no name.
        if (spent.scope == platform::BudgetScope::app && !spent.key.empty()) facts.spending.push_back(std::move(spent));
    }
    auto families = parts_.metrics.collect();
    for (auto more : {gauges(facts), process_gauges(parts_.facts.started_at)})
        std::move(more.begin(), more.end(), std::back_inserter(families));
    Response response;
    response.body = prometheus::TextSerializer{}.Serialize(families);
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    co_return response;
}

}  // namespace tally::api
