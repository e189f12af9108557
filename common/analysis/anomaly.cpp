// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/anomaly.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "common/analysis/statistics.hpp"
#include "common/counted.hpp"

namespace tally::analysis {

namespace {

using std::chrono::days;

constexpr days kWeek{7};
constexpr std::size_t kFewestWeeks = 4;
constexpr double kFar = 4;             // spreads
constexpr double kLeastSpread = 0.05;  // of the median
constexpr double kLargeStep = 0.5;     // of the median, and of the number a week before
constexpr days kTrendDays{28};
constexpr std::size_t kFewestDifferences = 14;
constexpr double kTrendErrors = 2;
constexpr double kLeastTrend = 0.01;  // of the median number

std::vector<Point> final_ones(std::vector<Point> points) {
    std::erase_if(points, [](const Point& point) { return !point.final; });
    return points;
}

/// The numbers of the same weekday before, the latest last.
std::vector<double> earlier(const std::vector<Point>& points, Day day) {
    std::vector<double> values;
    for (const auto& point : points)
        if (point.day < day && day - point.day <= kAnomalyHistory && (day - point.day) % kWeek == days{0})
            values.push_back(point.value);
    return values;
}

/// Whether the number a week before is there and was alike.
bool is_repeated(const std::vector<Point>& points, const Point& point) {
    return std::any_of(points.begin(), points.end(), [&](const Point& each) {
        return each.day == point.day - kWeek && std::abs(point.value - each.value) <= kLargeStep * std::abs(each.value);
    });
}

/// How many spreads `value` is away from the usual; nullopt: not far.
std::optional<double> distance(double value, const std::vector<double>& usual, bool counts) {
    const auto middle = median(usual);
    const auto size = std::abs(middle);
    auto spread = std::max(kNormal * median_deviation(usual, middle), kLeastSpread * size);
    if (counts) spread = std::max({spread, std::sqrt(size), 1.0});
    const auto away = std::abs(value - middle);
    if (away <= kFar * spread || away <= kLargeStep * size || away == 0) return std::nullopt;
    return spread > 0 ? (value - middle) / spread : std::copysign(kFar, value - middle);
}

std::string_view weekday_name(Day day) {
    static constexpr std::array<std::string_view, 7> kNames{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                            "Thursday", "Friday", "Saturday"};
    return kNames.at(std::chrono::weekday{day}.c_encoding());
}

std::string times_text(double times) {
    return fmt::format("{:.{}f}", times, times < 10 ? 1 : 0);
}

}  // namespace

std::vector<Anomaly> find_anomalies(const Series& series, DayRange period) {
    const auto points = final_ones(daily_values(series));
    const bool counts = series.unit == "count";
    std::vector<Anomaly> anomalies;
    for (const auto& point : points) {
        if (point.day < period.first || point.day > period.last) continue;
        const auto weekday = earlier(points, point.day);
        if (weekday.size() < kFewestWeeks || is_repeated(points, point)) continue;
        const auto score = distance(point.value, weekday, counts);
        if (!score) continue;
        anomalies.push_back({.day = point.day,
                             .value = point.value,
                             .expected = median(weekday),
                             .score = *score,
                             .weeks = static_cast<int>(weekday.size())});
    }
    return anomalies;
}

std::string describe(const Anomaly& anomaly, const Series& series) {
    const auto name = weekday_name(anomaly.day);
    const auto number = [&](double value) { return render_value(value, series.unit, series.currency); };
    const auto what = series.summary == Summary::latest ? fmt::format("{} changed by ", series.metric)
                                                        : fmt::format("{} came to ", series.metric);
    std::string against = "instead of";
    if (anomaly.expected > 0 && anomaly.value > anomaly.expected)
        against = times_text(anomaly.value / anomaly.expected) + " times";
    return fmt::format("{}{} on {}, {}, {} the usual {} of a {} (the median of {})", what, number(anomaly.value), name,
                       render_day(anomaly.day), against, number(anomaly.expected), name, anomaly.weeks);
}

std::optional<Trend> find_trend(const Series& series, Day last) {
    const auto points = final_ones(series.points);
    std::vector<double> differences, values;
    for (const auto& point : points) {
        if (point.day > last || last - point.day >= kTrendDays) continue;
        values.push_back(point.value);
        const auto before = std::lower_bound(points.begin(), points.end(), point.day - kWeek,
                                             [](const Point& each, Day day) { return each.day < day; });
        if (before->day == point.day - kWeek) differences.push_back(point.value - before->value);
    }
    if (differences.size() < kFewestDifferences) return std::nullopt;
    const auto middle = median(differences);
    const auto error =
        kNormal * median_deviation(differences, middle) / std::sqrt(static_cast<double>(differences.size()));
    Trend trend{.per_week = middle};
    if (std::abs(middle) > kTrendErrors * error && std::abs(middle) > kLeastTrend * std::abs(median(values)))
        trend.direction = middle > 0 ? Direction::rising : Direction::falling;
    return trend;
}

namespace {

/// Averages of counts have a fraction, which matters for small ones only.
std::string render_count(double value) {
    const bool whole = std::abs(value) >= 100 || value == std::floor(value);
    return whole && std::abs(value) < 9e15 ? with_separators(std::llround(value)) : fmt::format("{:.1f}", value);
}

/// In the largest unit of which there are ten: three digits are left.
std::string render_span(double seconds) {
    const auto size = std::abs(seconds);
    if (size >= 36'000) return render_count(seconds / 3'600) + " h";
    if (size >= 600) return render_count(seconds / 60) + " min";
    if (size >= 1 || size == 0) return render_count(seconds) + " s";
    return render_count(seconds * 1'000) + " ms";
}

}  // namespace

std::string render_value(double value, const std::string& unit, const std::string& currency) {
    const auto money = [&](double amount) {
        return fmt::format("{}{}{:.2f}", currency, currency.empty() ? "" : " ", amount);
    };
    if (unit == "micro_currency") return money(value / 1e6);
    if (unit == "currency") return money(value);
    if (unit == "percent") return fmt::format("{:.1f} %", value);
    if (unit == "ratio") return fmt::format("{:.3f}", value);
    if (unit == "seconds") return render_span(value);
    if (unit == "milliseconds") return render_span(value / 1'000);
    if (unit == "minutes") return render_span(value * 60);
    return render_count(value);
}

}  // namespace tally::analysis
