// SPDX-License-Identifier: Apache-2.0
// Odd days are found, and ordinary, restated, missing and newly ordinary ones are not.
#include "common/analysis/anomaly.hpp"

#include <doctest/doctest.h>

#include <random>

#include "common/analysis/statistics.hpp"
#include "tests/common/analysis/series_fixture.hpp"

using namespace tally;
using namespace tally::analysis;
using test::day;
using test::series_of;

namespace {

/// Eight weeks from Monday, 2026-09-14 on: 1,000 on working days, 300 at the weekend, and a little noise.
std::vector<double> weeks(int days, double scale = 1) {
    std::mt19937 random{7};
    std::uniform_real_distribution<double> noise{0.95, 1.05};
    std::vector<double> values;
    for (int i = 0; i < days; ++i) values.push_back(std::round(scale * (i % 7 < 5 ? 1'000 : 300) * noise(random)));
    return values;
}

const DayRange kLastWeek{day("2026-11-09"), day("2026-11-15")};  // the ninth week
constexpr int kNineWeeks = 63;
constexpr auto kTuesday = 57U;  // its place: 2026-11-10

}  // namespace

TEST_CASE("medians") {
    CHECK(median({3}) == 3);
    CHECK(median({4, 1}) == 2.5);
    CHECK(median({9, 1, 5}) == 5);
    CHECK(median({1, 2, 3, 1'000}) == 2.5);
    CHECK(median_deviation({1, 1, 2, 2, 4, 6, 9}, 2) == 1);
}

TEST_CASE("weeks like all others have no odd day, weekends included") {
    CHECK(find_anomalies(series_of(Summary::total, "2026-09-14", weeks(kNineWeeks)), kLastWeek).empty());
}

TEST_CASE("an odd day is found, and said in a sentence") {
    auto values = weeks(kNineWeeks);
    values[kTuesday] = 3'100;
    const auto series = series_of(Summary::total, "2026-09-14", values);
    const auto found = find_anomalies(series, kLastWeek);
    REQUIRE(found.size() == 1);
    CHECK(found[0].day == day("2026-11-10"));
    CHECK(found[0].weeks == 8);
    CHECK(found[0].score > 4);
    CHECK(found[0].expected == doctest::Approx(1'000).epsilon(0.05));
    auto told = found[0];
    told.expected = 1'000;
    CHECK(describe(told, series) ==
          "views came to 3,100 on Tuesday, 2026-11-10, 3.1 times the usual 1,000 of a Tuesday (the median of 8)");
    values[kTuesday] = 20;
    const auto low = find_anomalies(series_of(Summary::total, "2026-09-14", values), kLastWeek);
    REQUIRE(low.size() == 1);
    CHECK(low[0].score < -4);
    CHECK(describe(low[0], series).find("came to 20 on Tuesday, 2026-11-10, instead of the usual ") !=
          std::string::npos);
}

TEST_CASE("a working day's number is odd on a Sunday") {
    auto values = weeks(kNineWeeks);
    values[62] = 1'000;  // 2026-11-15
    const auto found = find_anomalies(series_of(Summary::total, "2026-09-14", values), kLastWeek);
    REQUIRE(found.size() == 1);
    CHECK(found[0].day == kLastWeek.last);
}

TEST_CASE("what is not final or missing is never odd") {
    auto values = weeks(kNineWeeks);
    values[kTuesday] = 20;  // the platform has not counted to the end
    auto series = series_of(Summary::total, "2026-09-14", values);
    series.points[kTuesday].final = false;
    CHECK(find_anomalies(series, kLastWeek).empty());
    series.points.erase(series.points.begin() + kTuesday);
    CHECK(find_anomalies(series, kLastWeek).empty());
}

TEST_CASE("a new level is odd for a week and ordinary then") {
    auto values = weeks(kNineWeeks);
    for (std::size_t i = 49; i < values.size(); ++i) values[i] *= 5;  // for two weeks already
    const auto series = series_of(Summary::total, "2026-09-14", values);
    CHECK(find_anomalies(series, {day("2026-11-02"), day("2026-11-08")}).size() == 7);
    CHECK(find_anomalies(series, kLastWeek).empty());
}

TEST_CASE("small counts and short histories are left alone") {
    std::vector<double> small(kNineWeeks, 1);
    small[kTuesday] = 4;
    CHECK(find_anomalies(series_of(Summary::total, "2026-09-14", small), kLastWeek).empty());
    auto values = weeks(27);
    values.back() = 50'000;  // 2026-11-15: three earlier Sundays only
    CHECK(find_anomalies(series_of(Summary::total, "2026-10-20", values), kLastWeek).empty());
}

TEST_CASE("of counters it is the step that is odd, not the level") {
    std::vector<double> values{10'000};
    for (int i = 1; i < kNineWeeks; ++i) values.push_back(values.back() + 50 + i % 3);
    CHECK(find_anomalies(series_of(Summary::latest, "2026-09-14", values), kLastWeek).empty());
    for (std::size_t i = kTuesday; i < values.size(); ++i) values[i] += 2'000;
    const auto series = series_of(Summary::latest, "2026-09-14", values);
    const auto found = find_anomalies(series, kLastWeek);
    REQUIRE(found.size() == 1);
    CHECK(found[0].day == day("2026-11-10"));
    CHECK(describe(found[0], series).starts_with("views changed by 2,05"));
}

TEST_CASE("trends are of weeks, and of those that are more than noise") {
    auto values = weeks(kNineWeeks);
    auto trend = find_trend(series_of(Summary::total, "2026-09-14", values), kLastWeek.last);
    REQUIRE(trend);
    CHECK(trend->direction == Direction::flat);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += 10 * static_cast<double>(i);
    trend = find_trend(series_of(Summary::total, "2026-09-14", values), kLastWeek.last);
    REQUIRE(trend);
    CHECK(trend->direction == Direction::rising);
    CHECK(trend->per_week == doctest::Approx(70).epsilon(0.3));
    for (auto& value : values) value = 3'000 - value;
    CHECK(find_trend(series_of(Summary::total, "2026-09-14", values), kLastWeek.last)->direction == Direction::falling);
    CHECK_FALSE(find_trend(series_of(Summary::total, "2026-11-01", weeks(15)), kLastWeek.last));
}

TEST_CASE("numbers have their unit") {
    CHECK(render_value(1'234'567, "count", "") == "1,234,567");
    CHECK(render_value(12.34, "count", "") == "12.3");
    CHECK(render_value(1'234.56, "count", "") == "1,235");
    CHECK(render_value(-3, "count", "") == "-3");
    CHECK(render_value(1'500'000, "micro_currency", "EUR") == "EUR 1.50");
    CHECK(render_value(2, "currency", "") == "2.00");
    CHECK(render_value(12.345, "percent", "") == "12.3 %");
    CHECK(render_value(0.1234, "ratio", "") == "0.123");
    CHECK(render_value(0, "seconds", "") == "0 s");
    CHECK(render_value(599, "seconds", "") == "599 s");
    CHECK(render_value(8'016, "seconds", "") == "134 min");
    CHECK(render_value(3'600, "seconds", "") == "60 min");
    CHECK(render_value(90, "minutes", "") == "90 min");
    CHECK(render_value(-720'000, "minutes", "") == "-12,000 h");
    CHECK(render_value(5, "milliseconds", "") == "5 ms");
    CHECK(render_value(69'619'002, "milliseconds", "") == "19.3 h");
    CHECK(render_value(1e300, "count", "").size() > 300);
}
