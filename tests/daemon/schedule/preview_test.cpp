// SPDX-License-Identifier: Apache-2.0
// What people are told about clock changes.
#include "daemon/schedule/preview.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace std::chrono;
using namespace tally;
using schedule::Schedule;

namespace {

Instant at(std::string_view text) {
    return parse_instant(text).value();
}

TimeZone zone(std::string_view name) {
    return TimeZone::find(name).value();
}

Schedule cron(std::string_view line, std::string_view where) {
    return {schedule::CronIn{config::Cron::parse(line), zone(where)}, seconds{0}};
}

/// One line a slot: when, how long after the one before, and the note.
std::string text(const std::vector<schedule::Preview>& slots) {
    std::string text;
    for (const auto& slot : slots)
        text += fmt::format("{} +{}{}\n", render_instant(slot.at),
                            slot.before ? render_duration(duration_cast<milliseconds>(slot.at - *slot.before)) : "?",
                            slot.note.empty() ? "" : ": " + slot.note);
    return text;
}

std::string preview(const Schedule& schedule, std::string_view shown, std::string_view after, std::size_t count) {
    return text(schedule::preview(schedule, zone(shown), at(after), count));
}

std::string around(const Schedule& schedule, std::string_view shown, std::string_view after, std::size_t count) {
    return text(schedule::preview_around(schedule, zone(shown), {zone(shown).next_change(at(after)).value()}, count));
}

}  // namespace

TEST_CASE("usual days have no note") {
    CHECK(preview(cron("0 2 * * *", "UTC"), "UTC", "2026-11-21T10:00:00Z", 2) ==
          "2026-11-22T02:00:00Z +1d\n2026-11-23T02:00:00Z +1d\n");
    CHECK(preview({schedule::Every{15min}, {}}, "Europe/Berlin", "2026-11-21T10:00:00Z", 2) ==
          "2026-11-21T10:15:00Z +15m\n2026-11-21T10:30:00Z +15m\n");
}

TEST_CASE("a time that does not exist") {
    CHECK(around(cron("30 2 * * *", "Europe/Berlin"), "Europe/Berlin", "2027-01-01T00:00:00Z", 4) ==
          "2027-03-26T01:30:00Z +1d\n2027-03-27T01:30:00Z +1d\n"
          "2027-03-28T01:00:00Z +23h30m: 02:30 does not exist on 2027-03-28: clocks go from 02:00 to 03:00; "
          "runs once at 03:00\n"
          "2027-03-29T00:30:00Z +23h30m\n");
    CHECK(around(cron("0,20 2 * * *", "Europe/Berlin"), "Europe/Berlin", "2027-01-01T00:00:00Z", 1) ==
          "2027-03-28T01:00:00Z +23h40m: 02:00 and 02:20 do not exist on 2027-03-28: clocks go from 02:00 to 03:00; "
          "run once at 03:00\n");
    CHECK(around(cron("* 2 * * *", "Europe/Berlin"), "Europe/Berlin", "2027-01-01T00:00:00Z", 1) ==
          "2027-03-28T01:00:00Z +23h1m: 02:00, 02:01, 02:02 and 57 more do not exist on 2027-03-28: clocks go from "
          "02:00 to 03:00; run once at 03:00\n");
    CHECK(around(cron("15 2 * * *", "Australia/Lord_Howe"), "Australia/Lord_Howe", "2027-05-01T00:00:00Z", 1) ==
          "2027-10-02T15:30:00Z +23h45m: 02:15 does not exist on 2027-10-03: clocks go from 02:00 to 02:30; "
          "runs once at 02:30\n");
}

TEST_CASE("a time that happens twice") {
    CHECK(around(cron("30 2 * * *", "Europe/Berlin"), "Europe/Berlin", "2027-05-01T00:00:00Z", 2) ==
          "2027-10-31T00:30:00Z +1d: 02:30 happens twice on 2027-10-31: runs at the first pass only\n"
          "2027-11-01T01:30:00Z +1d1h: clocks go from 03:00 to 02:00 on 2027-10-31\n");
    // A change of the past: Morocco has given up those to come (tzdata 2026c).
    CHECK(around(cron("30 2 * * *", "Africa/Casablanca"), "Africa/Casablanca", "2026-01-01T00:00:00Z", 2) ==
          "2026-02-15T01:30:00Z +1d: 02:30 happens twice on 2026-02-15: runs at the first pass only\n"
          "2026-02-16T02:30:00Z +1d1h: clocks go from 03:00 to 02:00 on 2026-02-15\n");
}

TEST_CASE("an interval goes on") {
    CHECK(around(cron("30 * * * *", "Europe/Berlin"), "Europe/Berlin", "2027-05-01T00:00:00Z", 4) ==
          "2027-10-30T23:30:00Z +1h\n"
          "2027-10-31T00:30:00Z +1h: 02:30 happens twice on 2027-10-31: an interval goes on through both, this is the "
          "first pass\n"
          "2027-10-31T01:30:00Z +1h: 02:30 happens twice on 2027-10-31: an interval goes on through both, this is the "
          "second pass\n"
          "2027-10-31T02:30:00Z +1h\n");
    CHECK(around(cron("30 * * * *", "Europe/Berlin"), "Europe/Berlin", "2027-01-01T00:00:00Z", 2) ==
          "2027-03-28T00:30:00Z +1h\n"
          "2027-03-28T01:30:00Z +1h: 02:30 does not exist on 2027-03-28: clocks go from 02:00 to 03:00; an interval "
          "goes on at 03:30\n");
    CHECK(around({schedule::Every{30min}, {}}, "Europe/Berlin", "2027-01-01T00:00:00Z", 2) ==
          "2027-03-28T00:30:00Z +30m\n"
          "2027-03-28T01:00:00Z +30m: clocks go from 02:00 to 03:00 on 2027-03-28\n");
}

TEST_CASE("a day of another length, and a zone that is only shown") {
    CHECK(around(cron("0 5 * * *", "Europe/Berlin"), "Europe/Berlin", "2027-01-01T00:00:00Z", 2) ==
          "2027-03-27T04:00:00Z +1d\n"
          "2027-03-28T03:00:00Z +23h: clocks go from 02:00 to 03:00 on 2027-03-28\n");
    CHECK(preview(cron("30 2 * * *", "Europe/Berlin"), "America/New_York", "2027-03-27T12:00:00Z", 1) ==
          "2027-03-28T01:00:00Z +23h30m: 02:30 does not exist on 2027-03-28 in Europe/Berlin: clocks go from 02:00 to "
          "03:00; runs once at 03:00\n");
    CHECK(preview(cron("0 2 * * *", "UTC"), "Europe/Berlin", "2027-03-28T00:00:00Z", 1) ==
          "2027-03-28T02:00:00Z +1d: clocks go from 02:00 to 03:00 on 2027-03-28\n");
    // A month with both changes of a season's end is as long as it looks.
    CHECK(preview(cron("0 5 1 1 *", "Europe/Berlin"), "Europe/Berlin", "2027-06-01T00:00:00Z", 1) ==
          "2028-01-01T04:00:00Z +365d\n");
}

TEST_CASE("a rare slot is found behind and shown once, though it lies around two changes") {
    const auto rare = cron("0 0 29 2 *", "Europe/Berlin");
    CHECK(preview(rare, "Europe/Berlin", "2027-01-01T00:00:00Z", 1) == "2028-02-28T23:00:00Z +1461d\n");
    const auto first = zone("Europe/Berlin").next_change(at("2027-01-01T00:00:00Z")).value();
    const auto second = zone("Europe/Berlin").next_change(first.at).value();
    CHECK(text(schedule::preview_around(rare, zone("Europe/Berlin"), {first, second}, 2)) ==
          "2024-02-28T23:00:00Z +1461d\n2028-02-28T23:00:00Z +1461d\n");
}
