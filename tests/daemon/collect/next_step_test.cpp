// SPDX-License-Identifier: Apache-2.0
// What a run does to the next slot, to retries and to its connection.
#include "daemon/collect/next_step.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace std::chrono_literals;
using namespace tally;
using collect::Collected;
using collect::ConnectionFate;
using collect::NextStep;
using collect::RunState;
using platform::Outcome;

namespace {

const Instant kSlot = parse_instant("2026-11-20T12:00:00Z").value();
const schedule::Schedule kQuarterHour{schedule::Every{900s}, 0s};

Collected failed_with(Outcome outcome, std::chrono::milliseconds wait = 0ms) {
    Collected collected;
    collected.failures.push_back({.request = "reach", .outcome = outcome, .code = "x", .message = "words"});
    collected.wait = wait;
    return collected;
}

NextStep step(const Collected& collected, Instant now, unsigned attempt = 1, Instant slot = kSlot, bool counts = true,
              std::chrono::seconds took = 0s) {
    std::mt19937_64 random{7};
    return collect::next_step({.collected = collected,
                               .regular_slot = slot,
                               .slot_was_due = slot <= now - took,
                               .attempt = attempt,
                               .counts = counts,
                               .schedule = kQuarterHour,
                               .phase = 0s,
                               .retry = {.attempts = 3, .base = 30s, .ceiling = 1h},
                               .started = now - took,
                               .now = now},
                              random);
}

}  // namespace

TEST_CASE("a good run leads to the next slot") {
    const auto next = step(Collected{}, kSlot + 20s);
    CHECK(next.state == RunState::succeeded);
    CHECK(next.due_at == kSlot + 15min);
    CHECK(next.slot == kSlot + 15min);
    CHECK(next.attempt == 0);
    CHECK(next.error.empty());
}

TEST_CASE("slots missed while the daemon was down collapse into the run just made") {
    CHECK(step(Collected{}, kSlot + 5h + 1min).due_at == kSlot + 5h + 15min);
}

TEST_CASE("a run asked for by hand leaves the regular slot where it is") {
    const auto next = step(Collected{}, kSlot - 10min);
    CHECK(next.due_at == kSlot);
    CHECK(next.slot == kSlot);
}

TEST_CASE("a passing failure is retried for the same slot, within full jitter") {
    const auto next = step(failed_with(Outcome::retry), kSlot + 5s, 1);
    CHECK(next.state == RunState::failed);
    CHECK(next.slot == kSlot);
    CHECK(next.attempt == 1);
    CHECK(next.due_at >= kSlot + 5s);
    CHECK(next.due_at <= kSlot + 5s + 30s);
    CHECK_FALSE(next.gave_up);
}

TEST_CASE("a retry that would come after the next slot leaves the work to that slot") {
    const auto next = step(failed_with(Outcome::retry, 20min), kSlot + 5s, 1);
    CHECK(next.slot == kSlot + 15min);
    CHECK(next.due_at == kSlot + 15min);
    CHECK(next.attempt == 0);
}

TEST_CASE("after the last attempt the slot is given up and the next one stands") {
    const auto next = step(failed_with(Outcome::retry), kSlot + 5s, 3);
    CHECK(next.gave_up);
    CHECK(next.due_at == kSlot + 15min);
    CHECK(next.attempt == 0);
}

TEST_CASE("the platform's own wait is respected even past the next slot, and costs no attempt") {
    const auto short_wait = step(failed_with(Outcome::wait, 5min), kSlot + 5s, 2);
    CHECK(short_wait.due_at >= kSlot + 5s + 5min);
    CHECK(short_wait.due_at <= kSlot + 5s + 5min + 30s);  // a tenth later at most, so that not all come at once
    CHECK(short_wait.not_before == short_wait.due_at);
    CHECK(short_wait.slot == kSlot);
    CHECK(short_wait.attempt == 1);
    const auto long_wait = step(failed_with(Outcome::wait, 9h), kSlot + 5s, 2);
    CHECK(long_wait.due_at >= kSlot + 5s + 9h);
    CHECK(long_wait.due_at <= kSlot + 5s + 9h + 1min);
    CHECK(long_wait.slot == kSlot + 15min);
    CHECK(long_wait.attempt == 0);
}

TEST_CASE("a backfill that is put off leaves the regular slot where it is and goes on once it may") {
    Collected put_off;
    put_off.put_off_until = kSlot + 9h;
    put_off.stopped = true;
    put_off.tasks_left = 40;
    const auto next = step(put_off, kSlot - 10min);
    CHECK(next.spare_at == next.not_before);
    CHECK(next.state == RunState::succeeded);
    CHECK(next.due_at == kSlot);
    CHECK(next.slot == kSlot);
    CHECK(next.attempt == 0);
    CHECK(next.not_before >= kSlot + 9h);
    CHECK(next.not_before <= kSlot + 9h + 1min);
    auto failed_too = failed_with(Outcome::retry);
    failed_too.put_off_until = kSlot + 9h;
    CHECK(step(failed_too, kSlot - 10min).due_at < kSlot);
    CHECK(step(failed_too, kSlot - 10min).not_before >= kSlot + 9h);
}

TEST_CASE("what waits to be done by hand does not hurry a retry") {
    const auto next = step(failed_with(Outcome::retry), kSlot + 5s, 2);
    CHECK(next.not_before == next.due_at);
}

TEST_CASE("who waits for the same thing comes back spread over a tenth of the wait, a minute at most") {
    std::mt19937_64 random{7};
    std::chrono::milliseconds least = 1h, most = 0ms;
    for (int i = 0; i < 1000; ++i) {
        const auto spread = collect::spread_after(100s, random);
        least = std::min(least, spread);
        most = std::max(most, spread);
        CHECK(collect::spread_after(24h, random) <= 60s);
    }
    CHECK(least >= 0ms);
    CHECK(least < 1s);
    CHECK(most > 9s);
    CHECK(most <= 10s);
    CHECK(collect::spread_after(0ms, random) == 0ms);
}

TEST_CASE("what did not fit into one run goes on at once, in what time is left") {
    Collected long_one;
    long_one.tasks_left = 5;
    const auto next = step(long_one, kSlot + 5s);
    CHECK(next.spare_at == kSlot + 5s);
    CHECK(next.due_at == kSlot + 15min);
    CHECK(next.slot == kSlot + 15min);
    CHECK(next.state == RunState::succeeded);
    CHECK_FALSE(step(Collected{}, kSlot + 5s).spare_at);
}

TEST_CASE("gaps of a failing connection wait as the failure wants, or for the next slot") {
    const auto gaps_after = [](Outcome outcome, unsigned done, std::chrono::milliseconds wait = 0ms) {
        auto collected = failed_with(outcome, wait);
        collected.tasks_left = 5;
        collected.tasks_done = done;
        return step(collected, kSlot + 5s).spare_at;
    };
    CHECK(gaps_after(Outcome::wait, 0, 5min) >= kSlot + 5s + 5min);
    CHECK(gaps_after(Outcome::retry, 0) > kSlot + 5s);
    CHECK(gaps_after(Outcome::forbidden, 3) == kSlot + 5s);
    CHECK_FALSE_MESSAGE(gaps_after(Outcome::bug, 0), "the same again would come of it");
    CHECK_FALSE(gaps_after(Outcome::reauthorize, 3));
    CHECK_FALSE(gaps_after(Outcome::gone, 3));
}

TEST_CASE("a slot that falls due while a run is under way is not passed over") {
    const auto over_two = step(Collected{}, kSlot + 31min, 1, kSlot, true, 31min);
    CHECK(over_two.slot == kSlot + 15min);
    CHECK(over_two.due_at == kSlot + 15min);  // at once, that is, and the next run sees what has come together
    const auto by_hand = step(Collected{}, kSlot + 5s, 1, kSlot, true, 10s);
    CHECK_MESSAGE(by_hand.slot == kSlot, "it began before the slot, so it did not serve it");
    CHECK(step(failed_with(Outcome::retry), kSlot + 31min, 1, kSlot, true, 31min).slot == kSlot + 15min);
}

TEST_CASE("a run that tried a platform that was down costs no attempt") {
    const auto probe = step(failed_with(Outcome::retry), kSlot + 5s, 3, kSlot, false);
    CHECK_FALSE(probe.gave_up);
    CHECK(probe.attempt == 2);
    CHECK(probe.slot == kSlot);
}

TEST_CASE("a dead token and a vanished account change the connection") {
    CHECK(step(failed_with(Outcome::reauthorize), kSlot + 5s).fate == ConnectionFate::needs_authorization);
    CHECK(step(failed_with(Outcome::gone), kSlot + 5s).fate == ConnectionFate::gone);
    CHECK(step(failed_with(Outcome::forbidden), kSlot + 5s).fate == ConnectionFate::unchanged);
}

TEST_CASE("a failure beside good answers is partial, and the gravest one is told") {
    auto collected = failed_with(Outcome::bad_metric);
    collected.failures.push_back(
        {.request = "profile", .outcome = Outcome::reauthorize, .code = "190/463", .message = "expired"});
    collected.tasks_done = 2;
    const auto next = step(collected, kSlot + 5s);
    CHECK(next.state == RunState::partial);
    CHECK(next.error_class == "reauthorize 190/463");
    CHECK(next.error == "profile: expired (and 1 more failure)");
}
