// SPDX-License-Identifier: Apache-2.0
// Day states as text and as stretches.
#include "daemon/platform/coverage.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;

TEST_CASE("day states have names") {
    for (const auto state :
         {DayState::final, DayState::provisional, DayState::pending, DayState::empty, DayState::refused})
        CHECK(parse_day_state(to_text(state)) == state);
    CHECK(to_text(DayState::refused) == "refused");
    CHECK_FALSE(parse_day_state("finally"));
}

TEST_CASE("neighbours of one state join; their times matter until they are settled") {
    const auto early = at("2026-11-20T10:00:00Z"), late = at("2026-11-21T10:00:00Z");
    const DayMap map{
        {day("2026-11-01"), {DayState::final, late}},        {day("2026-11-02"), {DayState::final, early}},
        {day("2026-11-03"), {DayState::provisional, early}}, {day("2026-11-04"), {DayState::provisional, late}},
        {day("2026-11-05"), {DayState::provisional, late}},  {day("2026-11-07"), {DayState::provisional, late}}};
    const std::vector<CoverageSpan> expected{{from_to("2026-11-01", "2026-11-02"), {DayState::final, late}},
                                             {from_to("2026-11-03", "2026-11-03"), {DayState::provisional, early}},
                                             {from_to("2026-11-04", "2026-11-05"), {DayState::provisional, late}},
                                             {from_to("2026-11-07", "2026-11-07"), {DayState::provisional, late}}};
    CHECK(to_spans(map) == expected);
    CHECK(to_spans({}).empty());
}

TEST_CASE("days that were asked since somebody wanted them again stay apart from those that were not") {
    const auto before = at("2026-11-18T10:00:00Z"), mark = at("2026-11-20T09:00:00Z"),
               after = at("2026-11-20T10:00:00Z");
    const DayMap map{{day("2026-11-01"), {DayState::final, before}},
                     {day("2026-11-02"), {DayState::final, before}},
                     {day("2026-11-03"), {DayState::final, after}}};
    const std::vector<CoverageSpan> apart{{from_to("2026-11-01", "2026-11-02"), {DayState::final, before}},
                                          {from_to("2026-11-03", "2026-11-03"), {DayState::final, after}}};
    CHECK(to_spans(map, {mark}) == apart);
    CHECK(to_spans(map).size() == 1);
}

TEST_CASE("stretches hold every day and state of the map they are made of") {
    const auto holds = rc::check([] {
        DayMap map;
        for (int i = 0; i < 40; ++i) {
            const auto state = *rc::gen::inRange(0, 6);
            if (state == 5) continue;  // not asked
            const auto asked = at("2026-11-21T10:00:00Z") + std::chrono::hours{*rc::gen::inRange(0, 3)};
            map[day("2026-10-01") + std::chrono::days{i}] = {static_cast<DayState>(state), asked};
        }
        const auto spans = to_spans(map);
        const auto back = from_spans(spans);
        RC_ASSERT(back.size() == map.size());
        for (const auto& [when, status] : map) {
            RC_ASSERT(back.at(when).state == status.state);
            const bool settled = status.state == DayState::final || status.state == DayState::empty;
            if (!settled) RC_ASSERT(back.at(when) == status);
        }
        RC_ASSERT(to_spans(back) == spans);
    });
    CHECK(holds);
}
