// SPDX-License-Identifier: Apache-2.0
// Coverage from its rows.
#include "daemon/store/coverage_rows.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/ascii.hpp"
#include "daemon/platform/target.hpp"

namespace tally::store {

namespace {

/// Gives each connection what is refused to it alone, and what its platform refuses to all.
void add_refusals(postgres::Transaction& transaction, const std::vector<std::int64_t>& ids,
                  std::vector<CoveredConnection>& connections) {
    std::vector<std::string> platforms;
    for (const auto& connection : connections) platforms.push_back(connection.platform);
    for (const auto& row : transaction.exec("refusals_of", {ids, platforms})) {
        const auto id = row.integer("connection_id");
        const RefusedMetric refused{.request = row.text("request"),
                                    .metric = row.text("metric"),
                                    .code = row.text("code"),
                                    .message = row.text("message"),
                                    .everywhere = id == 0,
                                    .since = row.instant("since")};
        for (auto& connection : connections) {
            if (id == connection.connection_id || (id == 0 && connection.platform == row.view("platform")))
                connection.refused.push_back(refused);
        }
    }
}

}  // namespace

std::map<std::int64_t, platform::Coverage> read_coverage(const postgres::Result& rows) {
    std::map<std::int64_t, std::map<std::string, std::vector<platform::CoverageSpan>>> spans;
    for (const auto& row : rows) {
        const auto state = platform::parse_day_state(row.view("state"));
        if (!state) throw Error(Fault::internal, "unknown coverage state '" + row.text("state") + "'");
        spans[row.integer("connection_id")][row.text("request")].push_back(
            {.days = {row.day("first_day"), row.day("last_day")}, .status = {*state, row.instant("asked_at")}});
    }
    std::map<std::int64_t, platform::Coverage> result;
    for (const auto& [id, requests] : spans) {
        for (const auto& [request, list] : requests) result[id][request] = platform::from_spans(list);
    }
    return result;
}

std::vector<CoveredConnection> covered_connections(postgres::Transaction& transaction, const CoveredFilter& filter) {
    std::vector<CoveredConnection> connections;
    std::vector<std::int64_t> ids;
    for (const auto& row : transaction.exec(
             "covered_connections", {filter.user_id, filter.platform, filter.account_id, filter.after, filter.limit})) {
        ids.push_back(row.integer("connection_id"));
        connections.push_back(
            {.connection_id = ids.back(),
             .platform = row.text("platform"),
             .account_id = row.text("account_id"),
             .state = row.text("state"),
             .attributes = nlohmann::json::parse(row.view("attributes")).get<std::map<std::string, std::string>>(),
             .created_at = row.instant("created_at"),
             .coverage = {},
             .refused = {}});
    }
    auto coverage = read_coverage(transaction.exec("coverage_of", {ids}));
    for (auto& connection : connections) {
        if (const auto known = coverage.find(connection.connection_id); known != coverage.end())
            connection.coverage = std::move(known->second);
    }
    add_refusals(transaction, ids, connections);
    return connections;
}

platform::NumberDays load_number_days(postgres::Transaction& transaction, const std::string& user_id,
                                      const std::string& account_id, const platform::Platform& of,
                                      const platform::MetricSets& metrics, DayRange range) {
    std::vector<std::string> requests, names, low, high;
    for (const auto& [request, wanted] : metrics) {
        const auto& dimensions = of.find_request(request)->rows.dimensions;
        for (const auto& metric : wanted) {
            requests.push_back(request);
            names.push_back(metric);
            // "metric.dimension.value", in lower case, lies between "metric.dimension." and what follows the dot in
            // ASCII, the slash.
            const auto begin = dimensions.empty() ? metric : metric + "." + ascii::lower(dimensions.front());
            low.push_back(dimensions.empty() ? begin : begin + ".");
            high.push_back(begin + (dimensions.empty() ? "\x01" : "/"));
        }
    }
    platform::NumberDays days;
    if (names.empty()) return days;
    for (const auto& row : transaction.exec("number_days", {user_id, of.name, account_id, of.source, requests, names,
                                                            low, high, range.first, range.last}))
        days[row.text("request")][row.text("metric")][row.day("date")] = row.instant("fetched_at");
    return days;
}

std::vector<platform::MetricDays> known_days(postgres::Transaction& transaction, const platform::Platform& platform,
                                             const std::string& user_id, const CoveredConnection& connection,
                                             DayRange range, Instant now) {
    platform::MetricSets refused;
    for (const auto& each : connection.refused) refused[each.request].insert(each.metric);
    const auto zone = platform::find_day_zone(platform, connection.attributes).value_or(TimeZone::utc());
    const auto numbers = load_number_days(transaction, user_id, connection.account_id, platform,
                                          platform::numbers_wanted(platform, refused), range);
    return platform::knowledge({.platform = platform,
                                .zone = zone,
                                .coverage = connection.coverage,
                                .attributes = connection.attributes,
                                .refused = refused,
                                .numbers = numbers,
                                .now = now,
                                .connected_at = connection.created_at,
                                .range = range});
}

std::vector<CoverageTotal> coverage_totals(postgres::Transaction& transaction, const std::optional<std::string>& only,
                                           const std::vector<WantedDays>& wanted, std::int64_t most) {
    std::vector<CoverageTotal> totals;
    std::vector<std::string> platforms, tiers;
    std::vector<std::int64_t> one_in;
    for (const auto& row : transaction.exec("connections_by_platform_and_tier", {only})) {
        totals.push_back(
            {.platform = row.text("platform"), .tier = row.text("tier"), .connections = row.integer("connections")});
        platforms.push_back(totals.back().platform);
        tiers.push_back(totals.back().tier);
        one_in.push_back((totals.back().connections + most - 1) / most);
    }
    std::vector<std::string> of_platforms, requests, only_if;
    std::vector<bool> of_the_moment;
    std::vector<Day> first, last;
    for (const auto& [owner, request, days] : wanted) {
        of_platforms.push_back(owner->name);
        requests.push_back(request->name);
        only_if.push_back(nlohmann::json(request->only_if).dump());
        of_the_moment.push_back(request->window == platform::Request::Window::now);
        first.push_back(days.first);
        last.push_back(days.last);
    }
    for (const auto& row : transaction.exec("coverage_totals", {platforms, tiers, one_in, of_platforms, requests,
                                                                only_if, of_the_moment, first, last})) {
        const auto total = std::find_if(totals.begin(), totals.end(), [&](const CoverageTotal& each) {
            return each.platform == row.view("platform") && each.tier == row.view("tier");
        });
        const auto looked_at = row.integer("looked_at");
        const auto scale = static_cast<double>(total->connections) / static_cast<double>(looked_at);
        const auto project = [&](const char* column) {
            return static_cast<std::int64_t>(std::llround(static_cast<double>(row.integer(column)) * scale));
        };
        total->estimated = looked_at < total->connections;
        total->days = project("wanted");
        total->settled = project("final");
        total->refused = project("refused");
        total->gaps = project("gaps");
    }
    return totals;
}

}  // namespace tally::store
