// SPDX-License-Identifier: Apache-2.0
// Slots over clock changes, leap days, jumping clocks and whole years.
#include "daemon/schedule/schedule.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include <array>
#include <set>
#include <string>

#include "common/error.hpp"

using namespace std::chrono;
using namespace tally;
using schedule::collapse;
using schedule::next_slot;
using schedule::Schedule;
using schedule::slots_between;

namespace {

Instant at(std::string_view text) {
    return parse_instant(text).value();
}

Schedule every(seconds period) {
    return {schedule::Every{period}, seconds{0}};
}

Schedule cron(std::string_view line, std::string_view zone) {
    return {schedule::CronIn{config::Cron::parse(line), TimeZone::find(zone).value()}, seconds{0}};
}

/// The slots of a stretch of time as texts, for tables.
std::string between(const Schedule& schedule, std::string_view from, std::string_view to, seconds phase = seconds{0}) {
    std::string text;
    for (const auto slot : slots_between(schedule, phase, at(from), at(to)))
        text += (text.empty() ? "" : " ") + render_instant(slot);
    return text;
}

/// "3 up to 2026-11-21T10:15:00Z, then 2026-11-21T10:30:00Z", or the served slot alone
std::string due_text(const Schedule& schedule, std::string_view first, std::string_view now,
                     seconds phase = seconds{0}) {
    const auto due = collapse(schedule, phase, at(first), at(now));
    CHECK(due.merged_last.has_value() == (due.merged > 0));
    if (!due.merged_last) return render_instant(due.served);
    return fmt::format("{} up to {}, then {}", due.merged, render_instant(*due.merged_last),
                       render_instant(due.served));
}

}  // namespace

TEST_CASE("every: moments are multiples of the period since the epoch, shifted by the phase") {
    CHECK(between(every(15min), "2026-11-21T10:00:00Z", "2026-11-21T10:45:00Z") ==
          "2026-11-21T10:15:00Z 2026-11-21T10:30:00Z 2026-11-21T10:45:00Z");
    CHECK(between(every(15min), "2026-11-21T10:00:00Z", "2026-11-21T10:30:00Z", seconds{61}) ==
          "2026-11-21T10:01:01Z 2026-11-21T10:16:01Z");
    CHECK(next_slot(every(15min), seconds{0}, {}, at("2026-11-21T10:14:59.999999Z")) == at("2026-11-21T10:15:00Z"));
    CHECK(next_slot(every(15min), seconds{0}, {}, at("1969-12-31T23:50:00Z")) == at("1970-01-01T00:00:00Z"));
    CHECK(next_slot(every(15min), seconds{0}, {}, at("1969-12-31T23:45:00Z")) == at("1970-01-01T00:00:00Z"));
}

TEST_CASE("missed slots collapse: after a long sleep comes the next one in the future") {
    const auto last = at("2026-11-01T00:00:00Z");
    CHECK(next_slot(every(15min), seconds{0}, last, at("2026-11-21T10:07:00Z")) == at("2026-11-21T10:15:00Z"));
    CHECK(next_slot(cron("0 2 * * *", "UTC"), hours{1}, last, at("2026-11-21T10:07:00Z")) ==
          at("2026-11-22T03:00:00Z"));
}

TEST_CASE("of several missed slots the newest is served and the earlier ones are merged into it") {
    const auto premium = every(15min);
    CHECK(due_text(premium, "2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z") == "2026-11-21T10:00:00Z");
    CHECK(due_text(premium, "2026-11-21T10:00:00Z", "2026-11-21T10:14:59.999999Z") == "2026-11-21T10:00:00Z");
    CHECK(due_text(premium, "2026-11-21T10:00:00Z", "2026-11-21T10:15:00Z") ==
          "1 up to 2026-11-21T10:00:00Z, then 2026-11-21T10:15:00Z");
    CHECK(due_text(premium, "2026-11-21T10:01:01Z", "2026-11-21T10:46:00Z", seconds{61}) ==
          "2 up to 2026-11-21T10:16:01Z, then 2026-11-21T10:31:01Z");
    CHECK(due_text(premium, "1969-12-31T23:30:00Z", "1970-01-01T00:20:00Z") ==
          "3 up to 1970-01-01T00:00:00Z, then 1970-01-01T00:15:00Z");
    // Planned by another configuration: it is no moment of this schedule, and counts all the same.
    CHECK(due_text(premium, "2026-11-21T10:07:00Z", "2026-11-21T10:10:00Z") == "2026-11-21T10:07:00Z");
    CHECK(due_text(premium, "2026-11-21T10:07:00Z", "2026-11-21T10:20:00Z") ==
          "1 up to 2026-11-21T10:07:00Z, then 2026-11-21T10:15:00Z");
    CHECK(due_text(premium, "2026-11-21T10:07:00Z", "2026-11-21T10:30:00Z") ==
          "2 up to 2026-11-21T10:15:00Z, then 2026-11-21T10:30:00Z");
    // The clock stepped back: what is pursued lies ahead.
    CHECK(due_text(premium, "2026-11-21T10:07:00Z", "2026-11-21T09:00:00Z") == "2026-11-21T10:07:00Z");

    const auto free = cron("30 2 * * *", "Europe/Berlin");
    CHECK(due_text(free, "2027-03-27T01:30:00Z", "2027-03-28T00:59:59Z") == "2027-03-27T01:30:00Z");
    CHECK(due_text(free, "2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z") ==
          "1 up to 2027-03-27T01:30:00Z, then 2027-03-28T01:00:00Z");
    CHECK(due_text(free, "2027-10-30T00:30:00Z", "2027-10-31T23:00:00Z") ==
          "1 up to 2027-10-30T00:30:00Z, then 2027-10-31T00:30:00Z");
}

TEST_CASE("a year of missed slots is merged without a walk") {
    const auto start = steady_clock::now();
    const auto first = at("2026-01-01T00:00:00Z"), now = at("2027-01-01T00:00:00Z");
    for (int i = 0; i < 100'000; ++i) {
        const seconds phase{i % 900};
        REQUIRE(collapse(every(15min), phase, first + phase, now + phase).merged == 365U * 96U);
    }
    CHECK(steady_clock::now() - start < 5s);  // sanitizers and a busy machine; a walk would take hours
}

TEST_CASE("a clock that steps back does not repeat slots, and one that was wrong by days is not believed") {
    const auto premium = every(15min);
    CHECK(next_slot(premium, seconds{0}, at("2026-11-21T10:00:00Z"), at("2026-11-21T09:05:00Z")) ==
          at("2026-11-21T10:15:00Z"));
    CHECK(next_slot(premium, seconds{0}, at("2026-11-22T09:05:00Z"), at("2026-11-21T09:05:00Z")) ==
          at("2026-11-22T09:15:00Z"));
    CHECK(next_slot(premium, seconds{0}, at("2038-01-19T03:14:00Z"), at("2026-11-21T09:05:00Z")) ==
          at("2026-11-21T09:15:00Z"));
}

TEST_CASE("a fixed time in the hour that the clock skips runs once, right after the gap") {
    CHECK(between(cron("30 2 * * *", "America/Los_Angeles"), "2026-03-07T00:00:00Z", "2026-03-10T00:00:00Z") ==
          "2026-03-07T10:30:00Z 2026-03-08T10:00:00Z 2026-03-09T09:30:00Z");
    CHECK(between(cron("*/20 2 * * *", "Europe/Berlin"), "2026-03-28T12:00:00Z", "2026-03-30T00:10:00Z") ==
          "2026-03-29T01:00:00Z 2026-03-30T00:00:00Z");
    // Half an hour: 02:00 becomes 02:30.
    CHECK(between(cron("15 2 * * *", "Australia/Lord_Howe"), "2026-10-02T15:00:00Z", "2026-10-04T23:00:00Z") ==
          "2026-10-02T15:45:00Z 2026-10-03T15:30:00Z 2026-10-04T15:15:00Z");
    // The change was at midnight: 00:00 became 01:00, and the day began there.
    CHECK(between(cron("0 0 * * *", "America/Sao_Paulo"), "2018-11-03T00:00:00Z", "2018-11-05T12:00:00Z") ==
          "2018-11-03T03:00:00Z 2018-11-04T03:00:00Z 2018-11-05T02:00:00Z");
}

TEST_CASE("a fixed time that the clock shows twice runs the first time only") {
    CHECK(between(cron("30 1 * * *", "America/Los_Angeles"), "2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z") ==
          "2026-11-01T08:30:00Z 2026-11-02T09:30:00Z");
    CHECK(between(cron("0,30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z") ==
          "2026-10-25T00:00:00Z 2026-10-25T00:30:00Z");
    CHECK(between(cron("45 1 * * *", "Australia/Lord_Howe"), "2026-04-03T20:00:00Z", "2026-04-05T20:00:00Z") ==
          "2026-04-04T14:45:00Z 2026-04-05T15:15:00Z");
    CHECK(between(cron("30 23 * * *", "America/Sao_Paulo"), "2018-02-16T12:00:00Z", "2018-02-18T12:00:00Z") ==
          "2018-02-17T01:30:00Z 2018-02-18T01:30:00Z");
    // Asked in the middle of the second pass, the next one is tomorrow.
    CHECK(next_slot(cron("45 1 * * *", "America/Los_Angeles"), seconds{0}, {}, at("2026-11-01T09:20:00Z")) ==
          at("2026-11-02T09:45:00Z"));
}

TEST_CASE("an interval goes on through both passes of a doubled hour and over a gap") {
    CHECK(between(cron("*/30 * * * *", "America/Los_Angeles"), "2026-11-01T07:30:00Z", "2026-11-01T10:30:00Z") ==
          "2026-11-01T08:00:00Z 2026-11-01T08:30:00Z 2026-11-01T09:00:00Z 2026-11-01T09:30:00Z 2026-11-01T10:00:00Z "
          "2026-11-01T10:30:00Z");
    CHECK(between(cron("*/30 * * * *", "America/Los_Angeles"), "2026-03-08T09:00:00Z", "2026-03-08T10:30:00Z") ==
          "2026-03-08T09:30:00Z 2026-03-08T10:00:00Z 2026-03-08T10:30:00Z");
    CHECK(between(cron("*/15 * * * *", "Australia/Lord_Howe"), "2026-04-04T14:15:00Z", "2026-04-04T15:30:00Z") ==
          "2026-04-04T14:30:00Z 2026-04-04T14:45:00Z 2026-04-04T15:00:00Z 2026-04-04T15:15:00Z 2026-04-04T15:30:00Z");
    CHECK(between(cron("30 * * * *", "Europe/Berlin"), "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z") ==
          "2026-10-24T23:30:00Z 2026-10-25T00:30:00Z 2026-10-25T01:30:00Z 2026-10-25T02:30:00Z");
}

TEST_CASE("a year of quarters of an hour in a zone with clock changes is a year of quarters of an hour") {
    for (const auto* zone : {"America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "UTC"}) {
        CAPTURE(zone);
        const auto slots = slots_between(cron("*/15 * * * *", zone), seconds{0}, at("2026-01-01T00:00:00Z"),
                                         at("2027-01-01T00:00:00Z"));
        CHECK(slots.size() == 365U * 96U);
        for (std::size_t i = 1; i < slots.size(); ++i) REQUIRE(slots[i] - slots[i - 1] == 15min);
    }
}

TEST_CASE("a year of the default tiers takes milliseconds") {
    const auto config = config::defaults();
    const auto premium = schedule::make_schedule(config.tiers.at("premium"));
    const auto free = schedule::make_schedule(config.tiers.at("free"));
    const auto from = at("2027-01-01T00:00:00Z"), to = at("2028-01-01T00:00:00Z");
    const auto start = steady_clock::now();
    const auto premium_slots = slots_between(premium, seconds{0}, from, to);
    const auto free_slots = slots_between(free, hours{3}, from, to);
    const auto elapsed = steady_clock::now() - start;
    CHECK(premium_slots.size() == 365U * 96U);
    CHECK(free_slots.size() == 365U);
    for (const auto slot : free_slots) CHECK((slot - floor<days>(slot)) == hours{5});
    CHECK(elapsed < 2s);  // generous: sanitizers and a busy machine; the plain build needs some 3 ms
}

TEST_CASE("29 February comes every leap year") {
    CHECK(between(cron("0 12 29 2 *", "UTC"), "2026-01-01T00:00:00Z", "2033-01-01T00:00:00Z") ==
          "2028-02-29T12:00:00Z 2032-02-29T12:00:00Z");
}

TEST_CASE("slots from outside: none of its own, and one that is due stays where it is") {
    const auto outside = schedule::make_schedule({.name = "outside", .every = {}, .cron = "external"});
    const auto from = at("2027-01-01T00:00:00Z"), to = at("2028-01-01T00:00:00Z");
    CHECK(next_slot(outside, seconds{0}, std::nullopt, from) == schedule::kNoSlot);
    CHECK(next_slot(outside, hours{3}, from, from) == schedule::kNoSlot);
    CHECK(slots_between(outside, seconds{0}, from, to).empty());
    const auto due = collapse(outside, seconds{0}, from, to);
    CHECK(due.served == from);
    CHECK(due.merged == 0);
    CHECK_FALSE(due.merged_last);
}

TEST_CASE("a tier without a usable clock is refused") {
    config::Tier tier{.name = "odd", .every = {}, .cron = {}};
    CHECK_THROWS_AS(schedule::make_schedule(tier), Error);
    tier.cron = "0 2 * * *";
    tier.zone = "Mars/Olympus";
    CHECK_THROWS_AS(schedule::make_schedule(tier), Error);
    tier.zone = "Europe/Berlin";
    CHECK_NOTHROW(schedule::make_schedule(tier));
}

TEST_CASE("phases are stable between versions and evenly spread") {
    // These values are a promise: if one changes, every connection of every installation moves.
    CHECK(schedule::phase_of("", hours{4}) == seconds{1008});
    CHECK(schedule::phase_of("1", hours{4}) == seconds{5813});
    CHECK(schedule::phase_of("u1/instagram/17841400000000000", hours{4}) == seconds{3623});
    CHECK(schedule::phase_of("anything", seconds{0}) == seconds{0});

    std::array<unsigned, 16> buckets{};
    constexpr unsigned kIds = 160'000;
    for (unsigned id = 0; id < kIds; ++id) {
        const auto phase = schedule::phase_of(std::to_string(id), hours{4});
        REQUIRE(phase >= seconds{0});
        REQUIRE(phase < hours{4});
        ++buckets[static_cast<std::size_t>(phase / seconds{900})];
    }
    for (const auto count : buckets) CHECK(std::abs(static_cast<int>(count) - 10'000) < 500);  // 5 sigma
}

namespace {

const std::array kZones{
    "UTC", "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"};
const std::array kLines{"0 2 * * *",    "*/15 * * * *", "30 1 * * *", "15,45 2 * * *", "0 */6 * * *",
                        "59 23 31 * 5", "7 1-3 * * *",  "0 0 1 * *",  "20 * * * sun"};

Schedule any_schedule() {
    if (*rc::gen::inRange(0, 4) == 0) return every(seconds{*rc::gen::inRange(1, 100'000)});
    return cron(*rc::gen::elementOf(kLines), *rc::gen::elementOf(kZones));
}

/// From 2017 to 2036, with microseconds; half of them near a clock change of Los Angeles.
Instant any_instant() {
    const auto micros = microseconds{*rc::gen::inRange(0, 1'000'000)};
    if (*rc::gen::arbitrary<bool>())
        return at(*rc::gen::element<std::string>("2026-03-08T10:00:00Z", "2026-11-01T09:00:00Z")) +
               seconds{*rc::gen::inRange(-10'000, 10'000)} + micros;
    return at("2017-01-01T00:00:00Z") + seconds{*rc::gen::inRange(0, 600'000'000)} + micros;
}

}  // namespace

TEST_CASE("properties") {
    CHECK(rc::check("slots are strictly increasing and none lies between", [] {
        const auto schedule = any_schedule();
        const auto phase = seconds{*rc::gen::inRange(0, 14'400)};
        const auto from = any_instant();
        const auto first = next_slot(schedule, phase, {}, from);
        RC_ASSERT(first > from);
        RC_ASSERT(next_slot(schedule, phase, first, first) > first);
        const auto inside = from + microseconds{*rc::gen::inRange<std::int64_t>(0, (first - from).count())};
        RC_ASSERT(next_slot(schedule, phase, {}, inside) == first);
        RC_ASSERT(next_slot(schedule, phase, {}, first - microseconds{1}) == first);
    }));
    CHECK(rc::check("a phase moves every slot by exactly itself", [] {
        const auto schedule = any_schedule();
        const auto phase = seconds{*rc::gen::inRange(0, 14'400)};
        const auto from = any_instant();
        RC_ASSERT(next_slot(schedule, phase, {}, from + phase) == next_slot(schedule, seconds{0}, {}, from) + phase);
    }));
    CHECK(rc::check("collapsed slots are the pursued one and all up to now", [] {
        const auto schedule = any_schedule();
        const auto phase = seconds{*rc::gen::inRange(0, 14'400)};
        auto first = any_instant();
        if (*rc::gen::arbitrary<bool>()) first = next_slot(schedule, phase, {}, first);
        const auto gap = next_slot(schedule, phase, {}, first) - first;
        auto now = first + gap * *rc::gen::inRange(0, 40) + microseconds{*rc::gen::inRange(0, 1'000'000)};
        if (*rc::gen::arbitrary<bool>()) now = next_slot(schedule, phase, {}, now);
        auto slots = slots_between(schedule, phase, first, now);
        slots.insert(slots.begin(), first);
        const auto due = collapse(schedule, phase, first, now);
        RC_ASSERT(due.served == slots.back());
        RC_ASSERT(due.merged == slots.size() - 1);
        RC_ASSERT(due.merged_last == (slots.size() > 1 ? std::optional{slots[slots.size() - 2]} : std::nullopt));
    }));
    CHECK(rc::check("a moment of a cron line shows a matching time, or is a clock change", [] {
        const auto* line = *rc::gen::elementOf(kLines);
        const auto zone = TimeZone::find(*rc::gen::elementOf(kZones)).value();
        const auto slot =
            next_slot({schedule::CronIn{config::Cron::parse(line), zone}, {}}, seconds{0}, {}, any_instant());
        const auto clock = zone.wall_time(slot);
        const auto matches = config::Cron::parse(line).next_after(floor<minutes>(clock) - minutes{1}) == clock;
        RC_ASSERT(matches || zone.offset(slot) > zone.offset(slot - microseconds{1}));
    }));
}
