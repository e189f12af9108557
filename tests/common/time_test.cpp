// SPDX-License-Identifier: Apache-2.0
// Text forms of days, instants and durations.
#include "common/time.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace std::chrono;
using namespace tally;

TEST_CASE("days are read strictly") {
    CHECK(parse_day("2026-11-21") == Day{2026y / 11 / 21});
    CHECK(parse_day("2028-02-29") == Day{2028y / 2 / 29});
    CHECK(render_day(Day{7y / 1 / 2}) == "0007-01-02");
    for (const auto* text : {"", "2026-11-2", "2026-11-211", "2026-02-29", "0000-01-01", "2026/11/21", " 2026-11-21",
                             "2026-13-01", "2026-00-01", "-026-11-21", "2026-11-21T00:00:00Z"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_day(text));
    }
}

TEST_CASE("instants are RFC 3339 with any offset") {
    const Instant two = sys_days{2026y / 11 / 21} + 2h;
    for (const auto* text :
         {"2026-11-21T02:00:00Z", "2026-11-21t02:00:00z", "2026-11-21 02:00:00+00:00", "2026-11-21T03:00:00+01:00",
          "2026-11-20T18:00:00-0800", "2026-11-21T02:00Z", "2026-11-21T02:00:00.000000000Z", "2026-11-21T01:59:60Z"}) {
        CAPTURE(text);
        CHECK(parse_instant(text) == two);
    }
    CHECK(parse_instant("2026-11-21T02:00:00.5Z") == two + 500ms);
    CHECK(parse_instant("2026-11-21T02:00:00.0000019Z") == two + 1us);
    for (const auto* text : {"", "2026-11-21", "2026-11-21T02:00:00", "2026-11-21T24:00:00Z", "2026-11-21T02:60:00Z",
                             "2026-11-21T02:00:00.Z", "2026-11-21T02:00:00+1", "2026-11-21T02:00:00+01:00x",
                             "2026-11-21T02:00:00+24:00", "2026-11-21T2:00:00Z"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_instant(text));
    }
    CHECK(render_instant(two) == "2026-11-21T02:00:00Z");
    CHECK(render_instant(two - 1us) == "2026-11-21T01:59:59.999999Z");
    CHECK(render_instant(Instant{-1us}) == "1969-12-31T23:59:59.999999Z");
}

TEST_CASE("durations are sums of numbers with units") {
    CHECK(parse_duration("15m") == 15min);
    CHECK(parse_duration("1h30m") == 90min);
    CHECK(parse_duration("250ms") == 250ms);
    CHECK(parse_duration("2w") == days{14});
    CHECK(parse_duration("0s") == 0s);
    for (const auto* text : {"", "ten", "15", "15 m", "-5m", "+5m", "m", "5x", "1.5h", "5m ", "9223372036854775807w",
                             "2000000000000000000ms2000000000000000000ms"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text));
    }
    CHECK(render_duration(0ms) == "0s");
    CHECK(render_duration(90min) == "1h30m");
    CHECK(render_duration(days{30}) == "30d");
    CHECK(render_duration(days{14}) == "2w");
    CHECK(render_duration(1500ms) == "1s500ms");
}

TEST_CASE("what is rendered is read back the same") {
    CHECK(rc::check("durations", [] {
        const milliseconds value{*rc::gen::inRange<std::int64_t>(0, 10'000'000'000'000)};
        RC_ASSERT(parse_duration(render_duration(value)) == value);
    }));
    CHECK(rc::check("instants", [] {
        const Instant value{
            microseconds{*rc::gen::inRange<std::int64_t>(-62'000'000'000'000'000, 250'000'000'000'000'000)}};
        RC_ASSERT(parse_instant(render_instant(value)) == value);
    }));
    CHECK(rc::check("days", [] {
        const Day value{days{*rc::gen::inRange(-719'162, 2'932'896)}};
        RC_ASSERT(parse_day(render_day(value)) == value);
    }));
}

TEST_CASE("the clock of the database is followed, but not for what the way to it may account for") {
    using namespace std::chrono_literals;
    const auto off_by = [](std::chrono::milliseconds off) {
        const auto asked_at = tally::now();
        return tally::follow_clock(asked_at + off, asked_at, 250ms);
    };
    CHECK_FALSE(off_by(0ms));
    CHECK_FALSE(off_by(200ms));
    CHECK_FALSE(off_by(-249ms));
    const auto before = tally::now();
    CHECK(off_by(1h));
    CHECK(tally::now() - before >= 1h);
    CHECK(tally::now() - before < 1h + 1min);
    CHECK(tally::clock_shift() > 59min);
    CHECK(off_by(-1h));
    CHECK(tally::now() - before < 1min);
    CHECK(std::chrono::abs(tally::clock_shift()) < 2s);
}
