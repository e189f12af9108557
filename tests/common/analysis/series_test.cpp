// SPDX-License-Identifier: Apache-2.0
// What stretches of days come to, and how they are compared.
#include "common/analysis/series.hpp"

#include <doctest/doctest.h>

#include "common/analysis/json.hpp"
#include "tests/common/analysis/series_fixture.hpp"

using namespace tally;
using namespace tally::analysis;
using test::day;
using test::series_of;

namespace {
const DayRange kWeek{day("2026-11-09"), day("2026-11-15")};
}

TEST_CASE("the period before has as many days and ends where the period begins") {
    CHECK(period_before(kWeek) == DayRange{day("2026-11-02"), day("2026-11-08")});
    CHECK(period_before({day("2026-03-01"), day("2026-03-01")}) == DayRange{day("2026-02-28"), day("2026-02-28")});
    CHECK(count_days(kWeek) == 7);
}

TEST_CASE("totals are compared over the days that both periods have") {
    auto series = series_of(Summary::total, "2026-11-02", {10, 10, 10, 10, 10, 10, 10, 20, 20, 20, 20, 20});
    const auto figures = summarise(series, kWeek);  // two days are not published yet
    CHECK(figures.value == 100);
    CHECK(figures.before == 70);
    CHECK(figures.change == 50);  // five days of 20 beside five of 10, and not 100 - 70
    CHECK(figures.change_percent == 100);
    CHECK(figures.days_known == 5);
    CHECK(figures.days_compared == 5);
    CHECK(figures.best == series.points[7]);
}

TEST_CASE("averages are averages of the days that are known") {
    auto series = series_of(Summary::average, "2026-11-02", {4, 4, 4, 4, 4, 4, 4, 5, 7});
    series.points.erase(series.points.begin());  // the day beside the 5
    const auto figures = summarise(series, kWeek);
    CHECK(figures.value == 6);
    CHECK(figures.before == 4);
    CHECK(figures.days_compared == 1);
    CHECK(figures.change == 3);
    CHECK(figures.change_percent == 75);
}

TEST_CASE("a counter is what it was last, and its days are what they added") {
    auto series = series_of(Summary::latest, "2026-11-06", {100, 110, 120, 121, 150, 145});
    series.points.back().final = false;
    const auto figures = summarise(series, kWeek);
    CHECK(figures.value == 145);
    CHECK(figures.before == 120);
    CHECK(figures.change == 25);
    CHECK(figures.change_percent == doctest::Approx(25.0 / 120 * 100));
    CHECK(figures.days_not_final == 1);
    REQUIRE(figures.best);
    CHECK(figures.best->day == day("2026-11-10"));
    CHECK(figures.best->value == 29);
    REQUIRE(figures.worst);
    CHECK(figures.worst->value == -5);
    CHECK_FALSE(figures.worst->final);
}

TEST_CASE("what a counter added over missing days belongs to none of them") {
    auto series = series_of(Summary::latest, "2026-11-09", {100, 110, 500, 510});
    series.points.erase(series.points.begin() + 1);
    const auto values = daily_values(series);
    REQUIRE(values.size() == 1);
    CHECK(values[0].value == 10);
}

TEST_CASE("a series is known in a period by its numbers there or in the one before") {
    CHECK(is_known(series_of(Summary::total, "2026-11-15", {1}), kWeek));
    CHECK(is_known(series_of(Summary::total, "2026-11-02", {0}), kWeek));
    CHECK_FALSE(is_known(series_of(Summary::total, "2026-11-01", {1}), kWeek));
    CHECK_FALSE(is_known(series_of(Summary::total, "2026-11-16", {1}), kWeek));
}

TEST_CASE("where nothing is known there is no number, and no change from nothing") {
    const auto nothing = summarise(series_of(Summary::total, "2026-11-02", {}), kWeek);
    CHECK_FALSE(nothing.value);
    CHECK_FALSE(nothing.before);
    CHECK_FALSE(nothing.change);
    CHECK_FALSE(nothing.best);
    const auto young = summarise(series_of(Summary::total, "2026-11-09", {1, 2}), kWeek);
    CHECK(young.value == 3);
    CHECK_FALSE(young.before);
    CHECK_FALSE(young.change);
    auto few = series_of(Summary::total, "2026-11-07", {9, 9, 1, 1, 1, 1, 1});
    CHECK(summarise(few, kWeek).days_compared == 0);
    few.points.front().day = day("2026-11-02");
    few.points[1].day = day("2026-11-03");
    CHECK(summarise(few, kWeek).days_compared == 2);
    CHECK_FALSE(summarise(few, kWeek).change);  // two of five days say nothing of the week
    few.points.pop_back();
    CHECK(summarise(few, kWeek).change == -16);
    const auto from_zero = summarise(series_of(Summary::total, "2026-11-02", {0, 0, 0, 0, 0, 0, 0, 5}), kWeek);
    CHECK(from_zero.change == 5);
    CHECK_FALSE(from_zero.change_percent);  // of zero everything is infinitely more
}

TEST_CASE("as JSON what is not known is null, and days to come are not missing") {
    auto series = series_of(Summary::total, "2026-11-09", {1, 2});
    const auto json = figures_json(series, summarise(series, kWeek), kWeek, day("2026-11-11"));
    CHECK(json["value"] == 3);
    CHECK(json["before"].is_null());
    CHECK(json["change_percent"].is_null());
    CHECK(json["currency"].is_null());
    CHECK(json["days_missing"] == 1);
    CHECK(json["best"]["date"] == "2026-11-10");
    CHECK(points_json(series, {day("2026-11-10"), day("2026-11-30")}).size() == 1);
}

TEST_CASE("series come from the database's JSON, and nothing else does") {
    const auto series = parse_series(
        R"({"user_id": "a", "platform": "p", "account_id": "1", "source": "ads", "metric": "spend.x", "unit": "micro_currency",
            "currency": "EUR", "summary": "total", "points": [[20770, 1.5, true, null], [20771, 2, false, 1794355200]]})");
    CHECK(series.base_metric() == "spend");
    CHECK(series.summary == Summary::total);
    REQUIRE(series.points.size() == 2);
    CHECK(series.points[0] == Point{day("2026-11-13"), 1.5, true});
    for (const auto* text : {"", "{", "[]", R"({"user_id": 1})", R"({"points": [[1]]})"})
        CHECK_THROWS(parse_series(text));
}

TEST_CASE("a number that is not final says when it was fetched") {
    const auto series =
        parse_series(R"({"user_id": "u", "platform": "p", "account_id": "a", "source": "s", "metric": "m", "unit": null,
        "currency": null, "summary": "total", "points": [[20766, 1.5, true, null], [20767, 2, false, 1794355200]]})");
    CHECK_FALSE(series.points.at(0).fetched_at);
    CHECK(series.points.at(1).fetched_at == parse_instant("2026-11-11T00:00:00Z"));
}

TEST_CASE("names of broken-down metrics in their pieces") {
    const auto pieces = [](std::string_view metric) {
        const auto [base, dimension, part] = split_metric(metric);
        return std::vector<std::string_view>{base, dimension, part};
    };
    CHECK(pieces("views") == std::vector<std::string_view>{"views", "", ""});
    CHECK(pieces("views.type.reel") == std::vector<std::string_view>{"views", "type", "reel"});
    CHECK(pieces("reactions.love") == std::vector<std::string_view>{"reactions", "", "love"});
    CHECK(pieces("views.type.reel.age.18-24") == std::vector<std::string_view>{"views", "type", "reel.age.18-24"});
}
