// SPDX-License-Identifier: Apache-2.0
// Periods are compared day by day: a day that one of them lacks would look like a loss or a gain.
#include "common/analysis/series.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/error.hpp"

namespace tally::analysis {

namespace {

using std::chrono::days;

Summary parse_summary(std::string_view text) {
    if (text == "total") return Summary::total;
    if (text == "latest") return Summary::latest;
    return Summary::average;
}

std::string text_or_empty(const nlohmann::json& object, const char* name) {
    const auto& value = object.at(name);
    return value.is_null() ? std::string{} : value.get<std::string>();
}

const Point* find(const std::vector<Point>& points, Day day) noexcept {
    const auto at = std::lower_bound(points.begin(), points.end(), day,
                                     [](const Point& point, Day wanted) { return point.day < wanted; });
    return at != points.end() && at->day == day ? &*at : nullptr;
}

bool holds(DayRange range, Day day) noexcept {
    return range.first <= day && day <= range.last;
}

/// The total or average of the days of a range; nullopt when none is known.
std::optional<double> of_days(const Series& series, DayRange range) {
    double sum = 0;
    std::int64_t count = 0;
    for (const auto& point : series.points) {
        if (!holds(range, point.day)) continue;
        sum += point.value;
        ++count;
    }
    if (count == 0) return std::nullopt;
    return series.summary == Summary::total ? sum : sum / static_cast<double>(count);
}

/// What a counter was last in a range.
std::optional<double> latest(const Series& series, DayRange range) {
    for (auto point = series.points.rbegin(); point != series.points.rend(); ++point)
        if (holds(range, point->day)) return point->value;
    return std::nullopt;
}

void compare(Figures& figures, const Series& series, DayRange period) {
    const days apart{count_days(period)};
    double now = 0, then = 0;
    for (const auto& point : series.points) {
        if (!holds(period, point.day)) continue;
        const auto* earlier = find(series.points, point.day - apart);
        if (earlier == nullptr) continue;
        now += point.value;
        then += earlier->value;
        ++figures.days_compared;
    }
    if (series.summary == Summary::latest) {
        if (!figures.value || !figures.before) return;
        now = *figures.value;
        then = *figures.before;
    } else if (figures.days_compared == 0 || figures.days_compared * 2 < figures.days_known) {
        return;  // a few days say nothing of the period
    } else if (series.summary == Summary::average) {
        now /= static_cast<double>(figures.days_compared);
        then /= static_cast<double>(figures.days_compared);
    }
    figures.change = now - then;
    if (then > 0) figures.change_percent = (now - then) / then * 100;
}

}  // namespace

std::string_view to_text(Summary summary) noexcept {
    switch (summary) {
        case Summary::total:
            return "total";
        case Summary::latest:
            return "latest";
        case Summary::average:
            break;
    }
    return "average";
}

std::string_view Series::base_metric() const noexcept {
    return split_metric(metric).base;
}

MetricPart split_metric(std::string_view metric) noexcept {
    const auto first = metric.find('.');
    if (first == std::string_view::npos) return {.base = metric, .dimension = {}, .part = {}};
    const auto base = metric.substr(0, first), rest = metric.substr(first + 1);
    const auto second = rest.find('.');
    if (second == std::string_view::npos) return {.base = base, .dimension = {}, .part = rest};
    return {.base = base, .dimension = rest.substr(0, second), .part = rest.substr(second + 1)};
}

Series parse_series(std::string_view json) {
    try {
        const auto object = nlohmann::json::parse(json);
        Series series{.user_id = object.at("user_id"),
                      .platform = object.at("platform"),
                      .account_id = object.at("account_id"),
                      .source = object.at("source"),
                      .metric = object.at("metric"),
                      .unit = text_or_empty(object, "unit"),
                      .currency = text_or_empty(object, "currency"),
                      .summary = parse_summary(text_or_empty(object, "summary")),
                      .points = {}};
        for (const auto& point : object.at("points")) {
            series.points.push_back({.day = Day{days{point.at(0).get<int>()}},
                                     .value = point.at(1).get<double>(),
                                     .final = point.at(2).get<bool>()});
            if (const auto& fetched = point.at(3); !fetched.is_null())
                series.points.back().fetched_at = Instant{std::chrono::seconds{fetched.get<std::int64_t>()}};
        }
        return series;
    } catch (const nlohmann::json::exception& error) {
        throw Error(Fault::internal, std::string{"the database gave a series that is none: "} + error.what());
    }
}

bool is_known(const Series& series, DayRange period) noexcept {
    const DayRange both{period_before(period).first, period.last};
    return std::any_of(series.points.begin(), series.points.end(),
                       [&](const Point& point) { return holds(both, point.day); });
}

DayRange period_before(DayRange range) noexcept {
    const days length{count_days(range)};
    return {range.first - length, range.first - days{1}};
}

std::int64_t count_days(DayRange range) noexcept {
    return (range.last - range.first).count() + 1;
}

std::vector<Point> daily_values(const Series& series) {
    if (series.summary != Summary::latest) return series.points;
    std::vector<Point> steps;
    for (std::size_t i = 1; i < series.points.size(); ++i) {
        const auto& before = series.points[i - 1];
        const auto& point = series.points[i];
        if (point.day - before.day != days{1}) continue;  // what several days added belongs to none of them
        steps.push_back({.day = point.day, .value = point.value - before.value, .final = point.final && before.final});
    }
    return steps;
}

Figures summarise(const Series& series, DayRange period) {
    Figures figures;
    for (const auto& point : series.points) {
        if (!holds(period, point.day)) continue;
        ++figures.days_known;
        if (!point.final) ++figures.days_not_final;
    }
    const bool counter = series.summary == Summary::latest;
    figures.value = counter ? latest(series, period) : of_days(series, period);
    figures.before = counter ? latest(series, period_before(period)) : of_days(series, period_before(period));
    compare(figures, series, period);
    for (const auto& point : daily_values(series)) {
        if (!holds(period, point.day)) continue;
        if (!figures.best || point.value > figures.best->value) figures.best = point;
        if (!figures.worst || point.value < figures.worst->value) figures.worst = point;
    }
    return figures;
}

}  // namespace tally::analysis
