// SPDX-License-Identifier: Apache-2.0
// Days that are not as their kind of days is, and where a series is heading. Robust, and explained in a sentence. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/analysis/series.hpp"

namespace tally::analysis {

/// The days before a period that are looked at for what is usual.
constexpr std::chrono::days kAnomalyHistory{56};

struct Anomaly {
    Day day;
    double value = 0;     ///< of counters: what the day added
    double expected = 0;  ///< the median of the same weekday
    double score = 0;     ///< how many spreads away; negative: below
    int weeks = 0;        ///< earlier days of that weekday that it was held against
};

/// A day is odd when its number v is far from those of the same weekday in the 56 days before, of which there must be
/// at least 4: with their median m and their median absolute deviation d, |v - m| > 4 s and |v - m| > |m| / 2, where
/// the spread s is the largest of 1.4826 d, |m| / 20 and, for what is counted, the root of |m| and 1. It is not odd
/// when the number a week before, w, was alike, |v - w| <= |w| / 2: a new level is ordinary after a week. Only final
/// numbers are looked at: a day that is restated or missing is never odd. Of counters, it is what days added.
std::vector<Anomaly> find_anomalies(const Series& series, DayRange period);

/// "views on Tuesday, 2026-11-17: 12,400, 3.1 times the usual 4,000 of a Tuesday (median of 8)"
std::string describe(const Anomaly& anomaly, const Series& series);

enum class Direction { flat, rising, falling };
struct Trend {
    double per_week = 0;  ///< what a week changes in a day's number
    Direction direction = Direction::flat;
};

/// Of the 28 days up to `last`, each against the same weekday of the week before: the trend is the median m of these
/// differences, at least 14 of them. It rises or falls when |m| is more than 2 x 1.4826 d / sqrt(n) and more than 1 %
/// of the median number, d being their median absolute deviation. Only final numbers count.
std::optional<Trend> find_trend(const Series& series, Day last);

/// A number with its unit for people, such as "12,400", "1.5 %", "USD 12.34", "19.3 h".
std::string render_value(double value, const std::string& unit, const std::string& currency);

}  // namespace tally::analysis
