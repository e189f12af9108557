// SPDX-License-Identifier: Apache-2.0
// What a weekly report says, before it becomes a page or a workbook. Pure.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/analysis/anomaly.hpp"
#include "common/analysis/series.hpp"
#include "common/time_zone.hpp"
#include "daemon/platform/knowledge.hpp"

namespace tally::report {

constexpr std::size_t kDays = 7;

/// The week from Monday on that was over for the first time on `today`: the one before today's.
DayRange week_before(Day today);
/// The week of a day.
DayRange week_of(Day day);
/// The week before that of `at`, once it has been over for `delay` by the zone's clock.
std::optional<DayRange> week_due(const TimeZone& zone, std::chrono::seconds delay, Instant at);

/// One metric of one account.
struct Line {
    analysis::Series series;  ///< of the week and of the history before it
    analysis::Figures figures;
    std::optional<analysis::Trend> trend;
    std::vector<analysis::Anomaly> anomalies;
    std::vector<std::optional<analysis::Point>> days;  ///< of the week, kDays of them; nullopt: no number
};

/// A metric by one of its dimensions, such as views by type of content.
struct Breakdown {
    std::string metric, dimension;  ///< dimension: empty where the platform names parts only
    struct Part {
        std::string name;
        Line line;
    };
    std::vector<Part> parts;  ///< the largest first; those of which nothing is known are not there
};

struct Account {
    std::string platform, title, account_id, source;  ///< title: the platform's, for people
    std::vector<Line> lines;                          ///< metrics that are not broken down
    std::vector<Breakdown> breakdowns;
    std::vector<std::string> notes;  ///< on the quality of the data: what is missing, and what is not final
};

struct Report {
    std::string user_id;
    DayRange week;
    Instant built_at;
    std::vector<Account> accounts;
    std::vector<std::string> highlights;  ///< sentences, the most striking first

    std::int64_t metrics() const noexcept;  ///< with a number of the week, parts of breakdowns included
};

/// What is known of the days of an account's metrics in the week.
struct KnownAccount {
    std::string platform, title, account_id, source;
    std::vector<platform::MetricDays> metrics;
    TimeZone zone = TimeZone::utc();                           ///< of its days
    std::shared_ptr<const platform::Platform> file = nullptr;  ///< to which the requests of `metrics` belong
};

/// Numbers of days that were not over when they were fetched are left out, but for counters: a part of a day beside a
/// whole one would be a fall.
/// @param series in the order of their keys, from kAnomalyHistory before the week on  @param known accounts of the
/// user; numbers of other accounts (removed ones) are reported without notes on what is missing
Report compose(std::string user_id, DayRange week, Instant built_at, const std::vector<analysis::Series>& series,
               const std::vector<KnownAccount>& known);

/// Changes of percentages are told in points: a percentage of one could be either.
bool is_percentage(const analysis::Series& series) noexcept;
/// "+1.5 points"
std::string points_text(double change);

/// "+12.3 %", empty when nothing can be compared
std::string percent_text(const analysis::Figures& figures);

}  // namespace tally::report
