// SPDX-License-Identifier: Apache-2.0
// The line of `systemctl status`, and when the watchdog goes hungry.
#include "daemon/service/status_line.hpp"

#include <doctest/doctest.h>

#include <array>

#include "daemon/service/pulse.hpp"

using namespace tally::service;
using namespace std::chrono_literals;

TEST_CASE("the status line says what goes on") {
    CHECK(status_line({}) == "idle: no connection waits for a slot");
    CHECK(status_line({.running = 12, .ready = 3, .last_run = 4'900ms, .next_slot = -1s}) ==
          "collecting: 12 running, 3 ready, last run 4s ago");
    CHECK(status_line({.last_run = 90s, .next_slot = 600'001ms}) == "idle: next slot in 10m1s, last run 1m30s ago");
    CHECK(status_line({.next_slot = 0ms}) == "collecting: slots are due");
    CHECK(status_line({.last_run = 0ms, .next_slot = 1ms}) == "idle: next slot in 1s, last run 0s ago");
}

TEST_CASE("the status line says what is wrong") {
    CHECK(status_line({.running = 1,
                       .unstored = 7,
                       .last_run = 75s,
                       .database_trouble = 70'500ms,
                       .platforms_down = {"twitch", "youtube"},
                       .reload_refused = true}) ==
          "collecting: 1 running, 0 ready, last run 1m15s ago; no database for 1m10s, 7 results wait; "
          "down: twitch, youtube; the last reload was refused");
}

TEST_CASE("the watchdog goes hungry when something does not come round in its own time") {
    const PulseClock::time_point at{1h};
    const std::array pulses{Pulse{"the heartbeat", at, 1min}, Pulse{"the claims", at + 30s, 5min}};
    CHECK_FALSE(stuck(pulses, at));
    CHECK_FALSE(stuck(pulses, at + 1min));
    CHECK(stuck(pulses, at + 1min + 1ms) == "the heartbeat");
    CHECK(stuck(std::span{pulses}.last(1), at + 5min + 31s) == "the claims");
    CHECK_FALSE(stuck({}, at));
}
