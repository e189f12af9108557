// SPDX-License-Identifier: Apache-2.0
// Whole years of every kind of tier, against a second opinion that looks at every minute and knows nothing of the code
// under test.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "daemon/schedule/schedule.hpp"

using namespace std::chrono;
using namespace tally;
using schedule::next_slot;
using schedule::Schedule;
using schedule::slots_between;

namespace {

constexpr const char* kZones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
                                  "UTC"};

/// A line of cron, and what it means in other words. -1: every one.
struct Line {
    const char* text;
    int every_minutes, minute, hour, day, month;
    bool interval() const { return hour < 0; }
    bool daily() const { return hour >= 0 && day < 0; }
};
constexpr Line kLines[] = {
    {"*/15 * * * *", 15, -1, -1, -1, -1}, {"0 * * * *", 0, 0, -1, -1, -1},  {"30 * * * *", 0, 30, -1, -1, -1},
    {"0 2 * * *", 0, 0, 2, -1, -1},       {"30 2 * * *", 0, 30, 2, -1, -1}, {"0 2 31 * *", 0, 0, 2, 31, -1},
    {"30 2 29 2 *", 0, 30, 2, 29, 2},
};

bool matches(const Line& line, config::LocalMinute time) {
    const auto day = floor<days>(time);
    const auto minute = static_cast<int>((time - day).count());
    if (line.every_minutes > 0 && minute % line.every_minutes != 0) return false;
    if (line.minute >= 0 && minute % 60 != line.minute) return false;
    if (line.hour >= 0 && minute / 60 != line.hour) return false;
    if (line.day < 0) return true;
    const year_month_day date{day};
    return static_cast<int>(static_cast<unsigned>(date.day())) == line.day &&
           (line.month < 0 || static_cast<int>(static_cast<unsigned>(date.month())) == line.month);
}

struct Year {
    TimeZone zone;
    Instant from, to;  ///< the civil year of the zone, `to` excluded
};

Year year_of(const char* zone, int number) {
    const auto found = TimeZone::find(zone).value();
    return {found, found.start_of(Day{year{number} / 1 / 1}), found.start_of(Day{year{number + 1} / 1 / 1})};
}

/// Looks at the clock on the wall every minute of the year, as a person would.
std::vector<Instant> watch_the_clock(const Line& line, const Year& year) {
    std::vector<Instant> slots;
    auto shown = floor<minutes>(year.zone.wall_time(year.from)) - minutes{1};
    auto furthest = shown;
    seconds offset{0};
    for (auto time = year.from; time < year.to; time += minutes{1}) {
        if ((time - year.from) % minutes{15} == minutes{0})
            offset = year.zone.offset(time);  // changes come at quarters
        const config::LocalMinute clock{floor<minutes>(time.time_since_epoch() + offset)};
        const auto gap = clock - shown - minutes{1};
        bool due = matches(line, clock) && (line.interval() || clock > furthest);
        for (auto skipped = shown + minutes{1}; skipped < clock; skipped += minutes{1})
            due = due || (matches(line, skipped) && !(line.interval() && matches(line, skipped + gap)));
        if (due) slots.push_back(time);
        shown = clock;
        furthest = std::max(furthest, clock);
    }
    return slots;
}

std::vector<Instant> slots_of(const Schedule& schedule, seconds phase, const Year& year) {
    return slots_between(schedule, phase, year.from + phase - microseconds{1}, year.to + phase - microseconds{1});
}

Schedule cron(const Line& line, const TimeZone& zone, seconds spread = seconds{0}) {
    return {schedule::CronIn{config::Cron::parse(line.text), zone}, spread};
}

std::size_t days_in(const Year& year) {
    return static_cast<std::size_t>((year.zone.day_of(year.to) - year.zone.day_of(year.from)).count());
}

}  // namespace

TEST_CASE("a year of cron lines is what somebody sees who watches the clock") {
    for (const auto* zone : kZones) {
        for (const int number : {2027, 2028}) {
            const auto year = year_of(zone, number);
            for (const auto& line : kLines) {
                const auto where = fmt::format("{} {} {}", line.text, zone, number);
                CAPTURE(where);
                const auto slots = slots_of(cron(line, year.zone), seconds{0}, year);
                const auto seen = watch_the_clock(line, year);
                REQUIRE(slots.size() == seen.size());
                for (std::size_t i = 0; i < slots.size(); ++i) {
                    const auto slot = render_instant(slots[i]);
                    CAPTURE(slot);
                    REQUIRE(slots[i] == seen[i]);
                }
            }
        }
    }
}

TEST_CASE("a daily line runs once on every day of the year") {
    for (const auto* zone : kZones) {
        for (const int number : {2027, 2028}) {
            const auto year = year_of(zone, number);
            for (const auto& line : kLines) {
                if (!line.daily()) continue;
                const auto where = fmt::format("{} {} {}", line.text, zone, number);
                CAPTURE(where);
                const auto slots = slots_of(cron(line, year.zone), seconds{0}, year);
                std::set<Day> days;
                for (const auto slot : slots) days.insert(year.zone.day_of(slot));
                CHECK(days.size() == days_in(year));
                CHECK(slots.size() == days.size());
                CHECK(days_in(year) == (number == 2028 ? 366 : 365));
            }
        }
    }
}

TEST_CASE("an hourly line and quarters of an hour keep their distance over every change by whole hours") {
    for (const auto* zone : {"Europe/Berlin", "America/New_York", "Africa/Casablanca", "UTC"}) {
        const auto year = year_of(zone, 2027);
        for (const auto& line : kLines) {
            if (!line.interval()) continue;
            const auto where = fmt::format("{} {}", line.text, zone);
            CAPTURE(where);
            const minutes distance = line.every_minutes > 0 ? minutes{line.every_minutes} : minutes{60};
            const auto slots = slots_of(cron(line, year.zone), seconds{0}, year);
            CHECK(slots.size() == static_cast<std::size_t>((year.to - year.from) / distance));
            for (std::size_t i = 1; i < slots.size(); ++i) REQUIRE(slots[i] - slots[i - 1] == distance);
        }
    }
}

TEST_CASE("the 31st comes in seven months, 29 February in leap years") {
    for (const auto* zone : kZones) {
        CAPTURE(zone);
        const auto& monthly = kLines[5];
        const auto& leap_day = kLines[6];
        const auto common = year_of(zone, 2027), leap = year_of(zone, 2028);
        CHECK(slots_of(cron(monthly, common.zone), seconds{0}, common).size() == 7);
        CHECK(slots_of(cron(monthly, leap.zone), seconds{0}, leap).size() == 7);
        CHECK(slots_of(cron(leap_day, common.zone), seconds{0}, common).empty());
        CHECK(slots_of(cron(leap_day, leap.zone), seconds{0}, leap).size() == 1);
    }
}

TEST_CASE("every 15 and every 7 minutes go through the year, whatever clocks do") {
    const auto year = year_of("UTC", 2027);
    for (const auto period : {minutes{15}, minutes{7}}) {
        const auto slots = slots_of({schedule::Every{period}, seconds{0}}, seconds{0}, year);
        const auto rest = year.to - microseconds{1} - slots.front();
        CHECK(slots.size() == 1 + static_cast<std::size_t>(rest / period));
        CHECK(slots.front() - year.from < period);
        for (std::size_t i = 1; i < slots.size(); ++i) REQUIRE(slots[i] - slots[i - 1] == period);
    }
}

TEST_CASE("a place in the spread moves every slot of the year by the same time, also over clock changes") {
    for (const auto* zone : kZones) {
        const auto year = year_of(zone, 2027);
        for (const auto& line : kLines) {
            const auto schedule = cron(line, year.zone, hours{4});
            const auto moments = slots_of(schedule, seconds{0}, year);
            for (const auto phase : {seconds{1}, seconds{7'201}, seconds{4 * 3'600 - 1}}) {
                auto slots = slots_of(schedule, phase, year);
                for (auto& slot : slots) slot -= phase;
                REQUIRE(slots == moments);
            }
        }
    }
}

namespace {

/// A connection over a year: looked at whenever the clock says so, its missed slots merged.
struct Life {
    const Schedule& schedule;
    seconds phase;
    std::vector<Instant> all;  ///< every slot of its time
    Instant due;
    std::size_t done = 0;  ///< slots served or merged

    Life(const Schedule& lived, seconds place, Instant from, Instant to)
        : schedule(lived),
          phase(place),
          all(slots_between(lived, place, from, to)),
          due(next_slot(lived, place, {}, from)) {}

    void look(Instant now) {
        if (now < due) return;
        const auto what = schedule::collapse(schedule, phase, due, now);
        REQUIRE(due == all.at(done));  // nothing is done twice, nothing left out
        done += what.merged + 1;
        REQUIRE(what.served == all.at(done - 1));
        REQUIRE(what.served <= now);
        due = next_slot(schedule, phase, what.served, now);
        if (done < all.size()) REQUIRE(due == all[done]);
    }
};

std::vector<Schedule> all_kinds() {
    std::vector<Schedule> kinds{{schedule::Every{minutes{15}}, seconds{0}}, {schedule::Every{minutes{7}}, seconds{0}}};
    for (const auto* zone : kZones)
        for (const auto& line : kLines) kinds.push_back(cron(line, TimeZone::find(zone).value(), hours{4}));
    return kinds;
}

}  // namespace

TEST_CASE("each slot of a year is served or merged once, however the clock steps") {
    const auto year = year_of("UTC", 2027);
    std::mt19937 rng{2027};
    for (const auto& schedule : all_kinds()) {
        for (const seconds longest : {seconds{600}, seconds{7'200}, seconds{40 * 86'400}}) {
            const auto phase = schedule.spread > seconds{0} ? seconds{9'001} : seconds{0};
            Life life{schedule, phase, year.from, year.to + days{366}};
            std::uniform_int_distribution<std::int64_t> step{1, longest.count()};
            std::bernoulli_distribution put_back{0.05};
            for (auto time = year.from; time < year.to; time += seconds{step(rng)}) {
                life.look(time);
                if (put_back(rng)) time -= hours{1};
            }
            life.look(year.to);
            REQUIRE(life.done == slots_between(schedule, phase, year.from, year.to).size());
            REQUIRE(life.due > year.to);
        }
    }
}

TEST_CASE("a clock that is put back by an hour repeats nothing, one that is put back by a month starts from there") {
    const auto year = year_of("UTC", 2027);
    for (const auto& schedule : all_kinds()) {
        const auto slots = slots_between(schedule, seconds{0}, year.from, year.to + days{366});
        for (std::size_t i = 0; i + 1 < slots.size() && slots[i] < year.to; i += 1 + slots.size() / 500) {
            REQUIRE(next_slot(schedule, seconds{0}, slots[i], slots[i] - hours{1}) == slots[i + 1]);
            const auto month_back = slots[i] - days{30};
            REQUIRE(next_slot(schedule, seconds{0}, slots[i], month_back) ==
                    next_slot(schedule, seconds{0}, {}, month_back));
            const auto month_ahead = slots[i] + days{30};
            REQUIRE(next_slot(schedule, seconds{0}, slots[i], month_ahead) ==
                    next_slot(schedule, seconds{0}, {}, month_ahead));
        }
    }
}
