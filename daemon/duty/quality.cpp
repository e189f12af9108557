// SPDX-License-Identifier: Apache-2.0
// Counters that are not what they were: a mistake of a platform, or something its owner wants to know.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/counted.hpp"
#include "daemon/duty/counter_check.hpp"
#include "daemon/duty/work.hpp"

namespace tally::duty {

namespace {

constexpr int kUsers = 500;  // in one transaction
constexpr std::chrono::days kHistory{29};
constexpr std::size_t kMostFindings = 1'000;  // more of them are one cause, which the first thousand show

/// Numbers of the moment that count something.
struct Counters {
    std::vector<std::string> platforms, metrics;
};

Counters counters_of(const platform::Catalog& catalog) {
    Counters counters;
    for (const auto& platform : catalog.all()) {
        for (const auto& request : platform->requests) {
            if (request.window != platform::Request::Window::now) continue;
            for (const auto& name : request.metrics) {
                const auto* metric = platform->find_metric(name);
                if (metric == nullptr || metric->unit != "count") continue;
                counters.platforms.push_back(platform->name);
                counters.metrics.push_back(name);
            }
        }
    }
    return counters;
}

std::vector<CounterDay> read_days(std::string_view text) {
    std::vector<CounterDay> days;
    for (const auto& entry : nlohmann::json::parse(text))
        days.push_back({.day = Day{std::chrono::days{entry[0].get<int>()}}, .value = entry[1].get<double>()});
    return days;
}

}  // namespace

Done check_quality(Work& work) {
    const auto counters = counters_of(work.rules().catalog);
    const auto first = database_day(work).today - kHistory;
    std::vector<std::string> subjects;
    for (std::optional<std::string> after{""}; after && subjects.size() < kMostFindings; work.rest()) {
        auto transaction = work.begin();
        const auto rows =
            transaction.exec("counters_to_check", {*after, kUsers, counters.platforms, counters.metrics, first});
        for (const auto& row : rows) {
            after = row.optional_text("last");
            if (row.is_null("metric")) continue;
            const auto odd = odd_counter(read_days(row.view("days")));
            if (!odd) continue;
            subjects.push_back(fmt::format("{} {} {} {}", row.text("user_id"), row.text("platform"),
                                           row.text("account_id"), row.text("metric")));
            transaction.exec("raise_alert", {"data_quality", subjects.back(), *odd});
        }
        transaction.commit();
    }
    if (subjects.size() < kMostFindings) {  // else not everybody was looked at
        auto transaction = work.begin();
        transaction.exec("resolve_alerts_except", {"data_quality", subjects});
        transaction.commit();
    }
    if (subjects.empty()) return {.words = "no counter is odd", .changed = false};
    return {.words = "found " + counted(subjects.size(), "odd counter", "odd counters")};
}

}  // namespace tally::duty
