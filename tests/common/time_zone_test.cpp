// SPDX-License-Identifier: Apache-2.0
// Civil days and wall-clock times over clock changes.
#include "common/time_zone.hpp"

#include <doctest/doctest.h>

using namespace std::chrono;
using namespace tally;

namespace {

TimeZone zone(std::string_view name) {
    return TimeZone::find(name).value();
}
Instant at(std::string_view text) {
    return parse_instant(text).value();
}
Day civil(std::string_view text) {
    return parse_day(text).value();
}

}  // namespace

TEST_CASE("zones are found by their IANA names only") {
    CHECK(zone("Europe/Berlin").name() == "Europe/Berlin");
    CHECK(TimeZone::find("UTC").has_value());
    CHECK(TimeZone::utc().offset(at("2026-11-21T00:00:00Z")) == 0s);
    for (const auto* name : {"", "Mars/Olympus", "Europe", "europe/berlin", "../../../etc/passwd", "/etc/localtime",
                             "Europe/Berlin ", "zone.tab", "leapseconds", "tzdata.zi"}) {
        CAPTURE(name);
        CHECK_FALSE(TimeZone::find(name));
    }
}

TEST_CASE("the day and its bounds follow the zone") {
    const auto angeles = zone("America/Los_Angeles");
    CHECK(angeles.day_of(at("2026-11-21T07:59:59.999999Z")) == civil("2026-11-20"));
    CHECK(angeles.day_of(at("2026-11-21T08:00:00Z")) == civil("2026-11-21"));
    CHECK(angeles.start_of(civil("2026-11-21")) == at("2026-11-21T08:00:00Z"));
    CHECK(angeles.end_of(civil("2026-11-01")) - angeles.start_of(civil("2026-11-01")) == 25h);
    CHECK(angeles.end_of(civil("2026-03-08")) - angeles.start_of(civil("2026-03-08")) == 23h);
    CHECK(zone("Australia/Lord_Howe").end_of(civil("2026-10-04")) -
              zone("Australia/Lord_Howe").start_of(civil("2026-10-04")) ==
          23h + 30min);
    // Where the clock jumps over midnight, the day begins at 01:00; where it falls back to 23:00, at the real midnight.
    CHECK(zone("America/Sao_Paulo").start_of(civil("2018-11-04")) == at("2018-11-04T03:00:00Z"));
    CHECK(zone("America/Sao_Paulo").start_of(civil("2018-02-18")) == at("2018-02-18T03:00:00Z"));
    CHECK(zone("Pacific/Apia").start_of(civil("2011-12-30")) == zone("Pacific/Apia").end_of(civil("2011-12-30")));
    CHECK(zone("Asia/Kathmandu").start_of(civil("2026-01-01")) == at("2025-12-31T18:15:00Z"));
}

TEST_CASE("clock changes are found, and zones without any have none") {
    const auto berlin = zone("Europe/Berlin");
    const auto spring = berlin.next_change(at("2026-11-21T10:00:00Z")).value();
    CHECK(render_instant(spring.at) == "2027-03-28T01:00:00Z");
    CHECK(spring.before == 1h);
    CHECK(spring.after == 2h);
    const auto autumn = berlin.next_change(spring.at).value();  // strictly after
    CHECK(render_instant(autumn.at) == "2027-10-31T01:00:00Z");
    CHECK(berlin.next_change(autumn.at - microseconds{1}).value().at == autumn.at);
    CHECK(!TimeZone::utc().next_change(at("2026-11-21T10:00:00Z")));
    CHECK(!zone("Asia/Kolkata").next_change(at("2026-11-21T10:00:00Z")));
}

TEST_CASE("wall-clock times are unique, doubled or skipped") {
    const auto berlin = zone("Europe/Berlin");
    const auto unique = berlin.resolve(civil("2026-11-21") + 2h);
    CHECK(unique.kind == WallTime::Kind::unique);
    CHECK(unique.first == at("2026-11-21T01:00:00Z"));
    CHECK(unique.second == unique.first);
    const auto doubled = berlin.resolve(civil("2026-10-25") + 2h + 30min);
    CHECK(doubled.kind == WallTime::Kind::doubled);
    CHECK(doubled.first == at("2026-10-25T00:30:00Z"));
    CHECK(doubled.second == at("2026-10-25T01:30:00Z"));
    const auto skipped = berlin.resolve(civil("2026-03-29") + 2h + 30min);
    CHECK(skipped.kind == WallTime::Kind::skipped);
    CHECK(skipped.first == at("2026-03-29T01:00:00Z"));
    CHECK(berlin.wall_time(at("2026-03-29T00:59:59.9Z")) == civil("2026-03-29") + 1h + 59min + 59s);
    CHECK(berlin.wall_time(at("2026-03-29T01:00:00Z")) == civil("2026-03-29") + 3h);
    CHECK(berlin.offset(at("2026-07-01T00:00:00Z")) == 2h);
}
