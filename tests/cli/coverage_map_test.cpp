// SPDX-License-Identifier: Apache-2.0
// The heat map of days, its counts, and what is left when metrics are chosen.
#include "cli/coverage_map.hpp"

#include <doctest/doctest.h>

using namespace tally;
using namespace tally::cli;

namespace {

const Instant kNow = parse_instant("2026-11-08T12:00:00Z").value();

DayRange from_to(const char* first, const char* last) {
    return {parse_day(first).value(), parse_day(last).value()};
}

Json sample() {
    return Json::parse(R"({
      "user_id": "acme", "platform": "instagram", "account_id": "17", "state": "active",
      "requests": [
        {"request": "profile", "window": "now", "metrics": ["followers_count"], "zone": "UTC", "days": [
          {"first": "2026-10-24", "last": "2026-10-31", "state": "impossible", "asked_at": null},
          {"first": "2026-11-01", "last": "2026-11-01", "state": "never_asked", "asked_at": null},
          {"first": "2026-11-02", "last": "2026-11-07", "state": "final", "asked_at": "2026-11-08T02:00:00Z"},
          {"first": "2026-11-08", "last": "2026-11-08", "state": "provisional", "asked_at": "2026-11-08T12:00:00Z"}]},
        {"request": "reach", "window": "range", "metrics": ["reach"], "zone": "UTC", "days": [
          {"first": "2026-10-24", "last": "2026-10-25", "state": "empty", "asked_at": "2026-11-01T02:00:00Z"},
          {"first": "2026-10-26", "last": "2026-10-28", "state": "never_asked", "asked_at": null},
          {"first": "2026-10-29", "last": "2026-11-04", "state": "final", "asked_at": "2026-11-08T02:00:00Z"},
          {"first": "2026-11-05", "last": "2026-11-06", "state": "provisional", "asked_at": "2026-11-08T02:00:00Z"},
          {"first": "2026-11-07", "last": "2026-11-07", "state": "pending", "asked_at": "2026-11-08T02:00:00Z"},
          {"first": "2026-11-08", "last": "2026-11-08", "state": "impossible", "asked_at": null}]},
        {"request": "totals", "window": "day", "metrics": ["likes", "saves"], "zone": "UTC", "days": [
          {"first": "2026-10-24", "last": "2026-11-07", "state": "refused", "asked_at": "2026-11-08T02:00:00Z"},
          {"first": "2026-11-08", "last": "2026-11-08", "state": "impossible", "asked_at": null}]}],
      "refused": [{"request": "totals", "metric": "saves", "everywhere": true, "since": "2026-11-03T02:00:00Z",
                   "code": "100", "message": "gone\nfor good"}]})");
}

}  // namespace

TEST_CASE("the map in letters: months and days above, a sign a day, the newest at the right") {
    CoverageMap map{from_to("2026-10-24", "2026-11-08"), {}};
    CHECK(map.render(sample()) ==
          "acme instagram 17\n"
          "                           2026-10 2026-11\n"
          "                           24      01\n"
          "followers_count of profile ........NFFFFFFP\n"
          "reach                      EENNNFFFFFFFPPW.\n"
          "2 metrics of totals        RRRRRRRRRRRRRRR.\n"
          "refused: saves of totals since 2026-11-03 to everyone: gone?for good\n");
    CHECK(map.legend() == "F final  P provisional  W pending  E empty  R refused  N never asked  . impossible\n");
    CHECK(map.first_shown() == parse_day("2026-10-24").value());
}

TEST_CASE("the map in blocks: colour by stretches, and no more of a legend than is seen") {
    auto connection = sample();
    connection["requests"].erase(2);
    connection["requests"].erase(0);
    connection["refused"] = Json::array();
    connection["state"] = "paused";
    CoverageMap map{from_to("2026-10-24", "2026-11-08"), {.palette = {.colour = true}, .blocks = true}};
    CHECK(map.render(connection) ==
          "\x1b[1macme instagram 17\x1b[0m (paused)\n"
          "      2026-10 2026-11\n"
          "      24      01\n"
          "reach \x1b[2m▁▁\x1b[0m\x1b[31m□□□\x1b[0m\x1b[32m███████\x1b[0m\x1b[33m▓▓\x1b[0m\x1b[33m░\x1b[0m\x1b[2m·"
          "\x1b[0m\n");
    CHECK(map.legend() ==
          "\x1b[32m█\x1b[0m final  \x1b[33m▓\x1b[0m provisional  \x1b[33m░\x1b[0m pending  \x1b[2m▁\x1b[0m empty  "
          "\x1b[31m□\x1b[0m never asked  \x1b[2m·\x1b[0m impossible\n");
}

TEST_CASE("a narrow terminal leaves older days out, and long names are cut") {
    CoverageMap map{from_to("2026-10-24", "2026-11-08"), {.width = 24}};
    CHECK(map.render(sample()) ==
          "acme instagram 17\n"
          "             10 2026-11\n"
          "             29 01\n"
          "followers_c~ ...NFFFFFFP\n"
          "reach        FFFFFFFPPW.\n"
          "2 metrics o~ RRRRRRRRRR.\n"
          "refused: saves of total~\n");
    CHECK(map.first_shown() == parse_day("2026-10-29").value());
    CoverageMap wide{from_to("2026-10-24", "2026-11-08"), {.width = 43}};
    wide.render(sample());
    CHECK(wide.first_shown() == parse_day("2026-10-24").value());
}

TEST_CASE("every metric has a line of its own when it is asked for") {
    CoverageMap map{from_to("2026-11-07", "2026-11-08"), {.every_metric = true}};
    const auto text = map.render(sample());
    CHECK(text.find("likes of totals            R.\nsaves of totals            R.\n") != std::string::npos);
}

TEST_CASE("days of a newer daemon's state, and days that are not told of, are unknown") {
    auto connection = sample();
    connection["requests"] = Json::parse(R"([{"request": "reach", "metrics": ["reach"], "days": [
        {"first": "2026-11-07", "last": "2026-11-07", "state": "dreamt"}, {"first": "x", "last": null}]}])");
    CoverageMap map{from_to("2026-11-07", "2026-11-08"), {}};
    CHECK(map.render(connection).find("reach ??\n") != std::string::npos);
    CHECK(map.legend() == "? unknown\n");
}

TEST_CASE("days that are over are counted: settled of what could be known, gaps, refused") {
    const auto counts = count_days(sample(), kNow);
    CHECK(counts.wanted == 7 + 15);
    CHECK(counts.settled == 6 + 2 + 7);
    CHECK(counts.gaps == 4);
    CHECK(counts.refused == 15);
    CHECK(counts.oldest_gap == parse_day("2026-10-26"));
    CHECK(percent_text(counts.settled, counts.wanted) == "68 %");
    CHECK(percent_text(999, 1000) == "99 %");
    CHECK(percent_text(0, 0).empty());
    CHECK_FALSE(count_days(Json::object(), kNow).oldest_gap);
}

TEST_CASE("gaps can be filled, except those of numbers of the moment and of the running day") {
    CHECK(open_gaps(sample(), kNow) == from_to("2026-10-26", "2026-10-28"));
    auto connection = sample();
    connection["requests"].erase(1);
    CHECK_FALSE(open_gaps(connection, kNow));
}

TEST_CASE("metrics are chosen by a glob") {
    auto connection = sample();
    CHECK(keep_metrics(connection, "s*e?"));
    REQUIRE(connection["requests"].size() == 1);
    CHECK(connection["requests"][0]["metrics"] == Json::parse(R"(["saves"])"));
    CHECK(connection["refused"].size() == 1);
    CHECK_FALSE(keep_metrics(connection, "reach"));
    CHECK(connection["refused"].empty());
}

TEST_CASE("a metric that is refused alike in several requests is told of once") {
    auto connection = sample();
    auto again = connection["refused"][0];
    again["request"] = "by_type";
    connection["refused"].push_back(again);
    again["metric"] = nullptr;
    connection["refused"].push_back(again);
    CoverageMap map{from_to("2026-11-07", "2026-11-08"), {}};
    const auto text = map.render(connection);
    CHECK(text.find("refused: saves of 2 requests since 2026-11-03 to everyone: gone?for good\n"
                    "refused: all of by_type since 2026-11-03") != std::string::npos);
}
