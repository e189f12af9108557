// SPDX-License-Identifier: Apache-2.0
// The radar over platform files, sql/queries/health.sql and the calendar.
#include "daemon/collect/radar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "common/error.hpp"

namespace tally::collect {

using boost::asio::awaitable;
using namespace std::chrono_literals;

namespace {

constexpr int kFirstStage = 60, kLastStage = 14;  // days
constexpr std::chrono::milliseconds kLookEvery = 24h, kLookAgain = 10min;

Day day_of(Instant instant) {
    return Day{std::chrono::floor<std::chrono::days>(instant).time_since_epoch()};
}

std::int64_t connections_of(const RadarFacts& facts, const std::string& platform) {
    const auto found = facts.connections.find(platform);
    return found == facts.connections.end() ? 0 : found->second;
}

/// What is refused of a metric, or of a request: in whatever request, since the first time.
void add_refusal(const platform::Platform& platform, const RadarFacts& facts, const RadarFacts::Refused& refused,
                 std::vector<Ending>& endings) {
    const auto* request = platform.find_request(refused.request);
    const auto* metric = platform.find_metric(refused.metric);
    if (request == nullptr || request->optional || (metric != nullptr && metric->optional)) return;
    const auto what = refused.metric.empty() ? Ending::What::request : Ending::What::metric;
    const auto& name = refused.metric.empty() ? refused.request : refused.metric;
    const auto connections = refused.everywhere ? connections_of(facts, platform.name) : refused.connections;
    const auto known = std::find_if(endings.begin(), endings.end(), [&](const Ending& ending) {
        return ending.platform == platform.name && ending.what == what && ending.name == name;
    });
    if (known == endings.end()) {
        endings.push_back({.platform = platform.name,
                           .what = what,
                           .name = name,
                           .since = refused.since,
                           .until = std::nullopt,
                           .days_left = std::nullopt,
                           .connections = connections,
                           .replaced_by = metric == nullptr ? "" : metric->replaced_by});
        return;
    }
    known->since = std::min(known->since.value_or(refused.since), refused.since);
    known->connections = std::max(known->connections, connections);
}

void add_end(const platform::Platform& platform, Ending::What what, const std::string& name, Day until, Day today,
             const std::string& replaced_by, const RadarFacts& facts, std::vector<Ending>& endings) {
    if (until <= today) return;
    endings.push_back({.platform = platform.name,
                       .what = what,
                       .name = name,
                       .since = std::nullopt,
                       .until = until,
                       .days_left = static_cast<int>((until - today).count()),
                       .connections = connections_of(facts, platform.name),
                       .replaced_by = replaced_by});
}

}  // namespace

RadarFacts read_radar_facts(postgres::Transaction& transaction) {
    RadarFacts facts;
    for (const auto& row : transaction.exec("connections_to_watch"))
        facts.connections[row.text("platform")] = row.integer("connections");
    for (const auto& row : transaction.exec("list_quarantine", {std::nullopt}))
        facts.refused.push_back({.platform = row.text("platform"),
                                 .request = row.text("request"),
                                 .metric = row.text("metric"),
                                 .everywhere = row.boolean("everywhere"),
                                 .connections = row.integer("connections"),
                                 .since = day_of(row.instant("since"))});
    return facts;
}

std::vector<Ending> ending(const Platforms& platforms, Day today, const RadarFacts& facts) {
    std::vector<Ending> endings;
    for (const auto& platform : platforms) {
        std::set<std::string, std::less<>> asked_for;
        for (const auto& request : platform->requests) asked_for.insert(request.metrics.begin(), request.metrics.end());
        for (const auto& metric : platform->metrics) {
            if (metric.until && asked_for.contains(metric.name))
                add_end(*platform, Ending::What::metric, metric.name, *metric.until, today, metric.replaced_by, facts,
                        endings);
        }
        if (platform->api.version_until)
            add_end(*platform, Ending::What::version, platform->api.version, *platform->api.version_until, today, "",
                    facts, endings);
        for (const auto& refused : facts.refused) {
            if (refused.platform == platform->name) add_refusal(*platform, facts, refused, endings);
        }
    }
    std::stable_sort(endings.begin(), endings.end(), [](const Ending& a, const Ending& b) {
        return a.since.has_value() != b.since.has_value() ? a.since.has_value()
                                                          : a.until.value_or(Day::max()) < b.until.value_or(Day::max());
    });
    return endings;
}

std::vector<RadarAlert> radar_alerts(const std::vector<Ending>& endings) {
    std::vector<RadarAlert> alerts;
    for (const auto& end : endings) {
        if (!end.days_left || *end.days_left > kFirstStage || end.connections == 0) continue;
        const bool is_version = end.what == Ending::What::version;
        const auto stage = *end.days_left <= kLastStage ? kLastStage : kFirstStage;
        auto message = fmt::format("{} until {}, {} day{} left; concerns {} connection{}",
                                   is_version ? "the version is usable" : "the metric can be asked for",
                                   render_day(*end.until - std::chrono::days{1}), *end.days_left,
                                   *end.days_left == 1 ? "" : "s", end.connections, end.connections == 1 ? "" : "s");
        if (is_version) message += "; set api.version of its platform file to a newer one";
        if (!end.replaced_by.empty()) message += fmt::format("; use '{}' instead", end.replaced_by);
        // The stage is part of the subject: the last one is news to whoever has acknowledged the first.
        alerts.push_back({.kind = is_version ? "version_ending" : "metric_ending",
                          .subject = fmt::format("{} {} {}d", end.platform, end.name, stage),
                          .message = std::move(message)});
    }
    return alerts;
}

awaitable<void> Radar::run_once(Day today) {
    auto look = [&pool = pool_, platforms = platforms_(), today] {
        const auto session = pool.acquire();
        auto transaction = session->begin();
        auto alerts = radar_alerts(ending(platforms, today, read_radar_facts(transaction)));
        // All nodes do this at about the same time: one order for all.
        std::sort(alerts.begin(), alerts.end(), [](const RadarAlert& a, const RadarAlert& b) {
            return std::tie(a.kind, a.subject) < std::tie(b.kind, b.subject);
        });
        std::map<std::string, std::vector<std::string>> subjects{{"metric_ending", {}}, {"version_ending", {}}};
        for (const auto& alert : alerts) {
            transaction.exec("raise_alert", {alert.kind, alert.subject, alert.message});
            subjects[alert.kind].push_back(alert.subject);
        }
        for (const auto& [kind, still_true] : subjects) transaction.exec("resolve_alerts_except", {kind, still_true});
        transaction.commit();
        return true;
    };
    co_await net::run_blocking(threads_, std::move(look));
}

awaitable<void> Radar::watch() {
    for (;;) {
        auto pause = kLookEvery;
        try {
            co_await run_once(day_of(now()));
        } catch (const Error&) {
            pause = kLookAgain;  // the database is away; the claim loop says so
        }
        co_await wake_.wait_for(pause);
    }
}

}  // namespace tally::collect
