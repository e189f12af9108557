// SPDX-License-Identifier: Apache-2.0
// The numbers of one metric of one account over days, and what a stretch of them comes to. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.hpp"

namespace tally::analysis {

/// How the numbers of several days become one: see the SQL function summary_of().
enum class Summary {
    total,    ///< of days, additive
    average,  ///< of days, not additive: people reached, percentages
    latest,   ///< counters of the moment
};
std::string_view to_text(Summary summary) noexcept;

struct Point {
    Day day;
    double value = 0;
    bool final = false;                                ///< the platform changes it no more
    std::optional<Instant> fetched_at = std::nullopt;  ///< as long as it is not final, to the second
    friend bool operator==(const Point&, const Point&) = default;
};

struct Series {
    std::string user_id, platform, account_id, source, metric;
    std::string unit, currency;  ///< the currency is empty where the platform names none
    Summary summary = Summary::average;
    std::vector<Point> points;  ///< in order, a day once; days that are not known are not there

    /// The metric without its dimensions.
    std::string_view base_metric() const noexcept;
};

/// The name of a broken-down metric in its pieces: "views.type.reel" is the part "reel" of "views" by "type". Where the
/// platform names parts only, the dimension is empty: "reactions.love". Views of the name.
struct MetricPart {
    std::string_view base, dimension, part;  ///< part is empty when the metric is not broken down
};
MetricPart split_metric(std::string_view metric) noexcept;

/// One JSON object of the statement `metric_series`. @throws Error (internal) when it is none
Series parse_series(std::string_view json);

/// What is looked at unless said otherwise: whole weeks, so that weekdays are compared with the same weekdays.
constexpr std::chrono::days kDefaultPeriod{28};

/// Whether there is a number in the period or in the one before.
bool is_known(const Series& series, DayRange period) noexcept;

/// The days right before, as many.
DayRange period_before(DayRange days) noexcept;
std::int64_t count_days(DayRange days) noexcept;

/// What a series comes to in a period, beside the period before. Where nothing is known there is no number: never zero.
struct Figures {
    std::optional<double> value;   ///< the total, average or latest of the known days
    std::optional<double> before;  ///< the same of the period before
    /// Against the period before, over the days that both periods have (day by day), if these are at least half of
    /// those that are known; of counters, the difference of the latest ones. nullopt: nothing to compare.
    std::optional<double> change;
    std::optional<double> change_percent;  ///< of what it was; nullopt when that was zero or less
    std::int64_t days_known = 0;           ///< days of the period with a number
    std::int64_t days_compared = 0;        ///< of which both periods have a number
    std::int64_t days_not_final = 0;       ///< numbers that the platform may still change
    std::optional<Point> best, worst;      ///< of the days; of counters, of what the days added
};
Figures summarise(const Series& series, DayRange period);

/// What each day added to a counter: differences of neighbouring days, dated with the later one. Of other series, the
/// numbers themselves.
std::vector<Point> daily_values(const Series& series);

}  // namespace tally::analysis
