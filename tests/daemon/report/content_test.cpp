// SPDX-License-Identifier: Apache-2.0
// What a report says of a week.
#include "daemon/report/content.hpp"

#include <doctest/doctest.h>

#include "tests/common/analysis/series_fixture.hpp"

using namespace tally;
using namespace tally::report;
using analysis::Summary;
using test::day;
using test::series_of;

namespace {

const DayRange kWeek{day("2026-11-09"), day("2026-11-15")};
const Instant kBuilt = parse_instant("2026-11-16T07:00:00Z").value();

/// Nine weeks, of which the last one is reported.
analysis::Series named(const char* metric, Summary summary = Summary::total, double value = 100) {
    auto series = series_of(summary, "2026-09-14", std::vector<double>(63, value));
    series.metric = metric;
    return series;
}

Report composed(const std::vector<analysis::Series>& series, const std::vector<KnownAccount>& known = {}) {
    return compose("u", kWeek, kBuilt, series, known);
}

}  // namespace

TEST_CASE("the week that is over, whatever the day") {
    CHECK(week_before(day("2026-11-16")) == kWeek);  // a Monday
    CHECK(week_before(day("2026-11-22")) == kWeek);  // its Sunday
    CHECK(week_before(day("2026-11-15")) == DayRange{day("2026-11-02"), day("2026-11-08")});
}

TEST_CASE("a week is reported once it has been over for a while by the user's clock") {
    using namespace std::chrono_literals;
    const auto at = [](const char* text) { return parse_instant(text).value(); };
    const auto berlin = TimeZone::find("Europe/Berlin").value(), auckland = TimeZone::find("Pacific/Auckland").value();
    CHECK(week_due(berlin, 7h, at("2026-11-16T05:59:59Z")) == std::nullopt);
    CHECK(week_due(berlin, 7h, at("2026-11-16T06:00:00Z")) == kWeek);
    CHECK(week_due(berlin, 7h, at("2026-11-22T22:59:59Z")) == kWeek);  // the last second of the Sunday after
    CHECK(week_due(berlin, 0s, at("2026-11-15T23:00:00Z")) == kWeek);
    CHECK(week_due(auckland, 7h, at("2026-11-15T18:00:00Z")) == kWeek);  // it is Monday there
    CHECK(week_due(berlin, 72h, at("2026-11-18T22:59:59Z")) == std::nullopt);
    CHECK(week_due(berlin, 72h, at("2026-11-18T23:00:00Z")) == kWeek);
    // In the night in which Monday has no midnight the week is over when the clock has skipped it.
    const auto beirut = TimeZone::find("Asia/Beirut").value();
    CHECK(week_due(beirut, 0s, at("2026-03-29T22:00:00Z")) == DayRange{day("2026-03-23"), day("2026-03-29")});
}

TEST_CASE("metrics come by account, broken-down ones by their dimension, the largest part first") {
    auto other = named("views");
    other.account_id = "b";
    auto small = named("views.type.post", Summary::total, 10), large = named("views.type.reel", Summary::total, 90);
    const auto report = composed({named("likes"), named("views"), small, large, other});
    REQUIRE(report.accounts.size() == 2);
    REQUIRE(report.accounts[0].lines.size() == 2);
    CHECK(report.accounts[0].lines[1].figures.value == 700);
    REQUIRE(report.accounts[0].breakdowns.size() == 1);
    const auto& breakdown = report.accounts[0].breakdowns[0];
    CHECK(breakdown.metric == "views");
    CHECK(breakdown.dimension == "type");
    CHECK(breakdown.parts[0].name == "reel");
    CHECK(breakdown.parts[1].name == "post");
    CHECK(report.metrics() == 5);
    CHECK(report.highlights.empty());
}

TEST_CASE("parts without a dimension are one breakdown") {
    const auto report =
        composed({named("reactions.haha", Summary::total, 1), named("reactions.love", Summary::total, 2)});
    REQUIRE(report.accounts[0].breakdowns.size() == 1);
    CHECK(report.accounts[0].breakdowns[0].dimension.empty());
    CHECK(report.accounts[0].breakdowns[0].parts[0].name == "love");
}

TEST_CASE("a day that was not over when it was fetched is no day, but for counters") {
    const auto zone = TimeZone::find("America/Los_Angeles").value();
    auto running = named("views"), counter = named("followers", Summary::latest);
    for (auto* series : {&running, &counter}) {
        series->points.back().final = false;
        series->points.back().fetched_at = zone.end_of(kWeek.last) - std::chrono::seconds{1};
    }
    const auto known = [&](Instant built_at) {
        platform::Request request;
        std::vector<KnownAccount> accounts{{.platform = "p",
                                            .title = "P",
                                            .account_id = "a",
                                            .source = "social_media",
                                            .metrics = {{.request = &request,
                                                         .metrics = {"views"},
                                                         .days = {{.days = kWeek,
                                                                   .state = platform::Knowledge::impossible,
                                                                   .asked_at = std::nullopt}}}},
                                            .zone = zone}};
        return compose("u", kWeek, built_at, {counter, running}, accounts);
    };
    const auto report = known(zone.end_of(kWeek.last) - std::chrono::seconds{1});
    const auto& lines = report.accounts[0].lines;
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].figures.days_known == 7);
    CHECK(lines[1].figures.days_known == 6);
    CHECK(lines[1].figures.change == 0);  // six days beside the same six
    CHECK(report.accounts[0].notes[0] == "1 of 7 days without a number (the day was not over yet): views");
    running.points.back().fetched_at = zone.end_of(kWeek.last);
    CHECK(known(zone.end_of(kWeek.last)).accounts[0].lines[1].figures.days_known == 7);
}

TEST_CASE("what is open of a broken-down metric is named, too") {
    auto part = named("views.type.reel");
    part.points.back().final = false;
    CHECK(composed({part}).accounts[0].notes ==
          std::vector<std::string>{"not final, the platform may still change it: views"});
}

TEST_CASE("a metric without any number of the week is not there") {
    auto old = named("views");
    old.points.resize(50);
    CHECK(composed({old}).metrics() == 0);
}

TEST_CASE("odd days and large changes are said first") {
    auto odd = named("views");
    odd.points[57].value = 1'000;
    auto grown = named("likes");
    for (std::size_t i = 56; i < 63; ++i) grown.points[i].value = 120;
    const auto report = composed({grown, odd});
    REQUIRE(report.highlights.size() == 2);
    CHECK(report.highlights[0].find("views came to 1,000 on Tuesday, 2026-11-10, 10 times") != std::string::npos);
    CHECK(report.highlights[1] == "p (a): likes grew by 20.0 %, to 840.");
}

TEST_CASE("a large change of small numbers is chance") {
    auto few = named("likes", Summary::total, 1);
    for (std::size_t i = 56; i < 63; ++i) few.points[i].value = 2;  // from 7 to 14
    auto many = named("views", Summary::total, 10);
    for (std::size_t i = 56; i < 63; ++i) many.points[i].value = 20;
    const auto report = composed({few, many});
    CHECK(report.highlights == std::vector<std::string>{"p (a): views grew by 100.0 %, to 140."});
}

TEST_CASE("percentages grow by points") {
    auto rate = named("averageViewPercentage", Summary::average, 40);
    rate.unit = "percent";
    for (std::size_t i = 56; i < 63; ++i) rate.points[i].value = 50;
    const auto report = composed({rate});
    CHECK(report.highlights ==
          std::vector<std::string>{"p (a): averageViewPercentage grew by 10.0 points, to 50.0 %."});
}

TEST_CASE("what is missing says why, and what is not final is named") {
    auto series = named("views");
    series.points.resize(61);
    series.points.back().final = false;
    platform::Request request;
    request.name = "daily";
    const auto known = [&](platform::Knowledge state, std::vector<std::string> metrics) {
        return KnownAccount{
            .platform = "p",
            .title = "The Platform",
            .account_id = "a",
            .source = "social_media",
            .metrics = {
                {.request = &request,
                 .metrics = std::move(metrics),
                 .days = {{.days = {kWeek.first, day("2026-11-13")},
                           .state = platform::Knowledge::final,
                           .asked_at = kBuilt},
                          {.days = {day("2026-11-14"), kWeek.last}, .state = state, .asked_at = std::nullopt}}}}};
    };
    auto notes = composed({series}, {known(platform::Knowledge::pending, {"views"})}).accounts[0].notes;
    REQUIRE(notes.size() == 2);
    CHECK(notes[0] == "2 of 7 days without a number (not published yet): views");
    CHECK(notes[1] == "not final, the platform may still change it: views");
    notes = composed({series}, {known(platform::Knowledge::never_asked, {"likes", "views"})}).accounts[0].notes;
    CHECK(notes[0] == "2 of 7 days without a number (not collected): likes, views");
    CHECK(notes[1] == "5 of 7 days without a number (the platform had no number): likes");
    // A day on which nothing can be asked is nobody's fault, and an account without any number is there all the same.
    const auto quiet = composed({}, {known(platform::Knowledge::impossible, {"views"})});
    REQUIRE(quiet.accounts.size() == 1);
    CHECK(quiet.accounts[0].title == "The Platform");
    CHECK(quiet.accounts[0].notes[0] == "5 of 7 days without a number (the platform had no number): views");
    CHECK(quiet.metrics() == 0);
}
