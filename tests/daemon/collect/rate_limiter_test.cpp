// SPDX-License-Identifier: Apache-2.0
// The pace of requests under a stated limit.
#include "daemon/collect/rate_limiter.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using tally::collect::Pace;

TEST_CASE("a burst of the whole allowance goes at once, the next request waits its share") {
    Pace pace;
    const auto start = Pace::Clock::time_point{} + 1h;
    for (int i = 0; i < 10; ++i) CHECK(pace.reserve(start, 10, 1000ms) == start);
    CHECK(pace.reserve(start, 10, 1000ms) == start + 100ms);
    CHECK(pace.reserve(start, 10, 1000ms) == start + 200ms);
}

TEST_CASE("no window of the period holds more than twice the allowance, and the long run keeps the rate") {
    Pace pace;
    const auto start = Pace::Clock::time_point{} + 1h;
    Pace::Clock::time_point last{};
    for (int i = 0; i < 1000; ++i) last = pace.reserve(start, 20, 1000ms);
    CHECK(last == start + 49s);  // 20 at once, then 980 at 20 a second
}

TEST_CASE("idleness restores the burst and no more than the burst") {
    Pace pace;
    const auto start = Pace::Clock::time_point{} + 1h;
    for (int i = 0; i < 5; ++i) pace.reserve(start, 5, 1000ms);
    CHECK_FALSE(pace.idle(start));
    const auto later = start + 1h;
    CHECK(pace.idle(later));
    for (int i = 0; i < 5; ++i) CHECK(pace.reserve(later, 5, 1000ms) == later);
    CHECK(pace.reserve(later, 5, 1000ms) > later);
}
