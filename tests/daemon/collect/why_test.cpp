// SPDX-License-Identifier: Apache-2.0
// The sentence that answers why a connection has not run.
#include "daemon/collect/why.hpp"

#include <doctest/doctest.h>

using namespace tally;
using namespace std::chrono_literals;
using collect::WaitFacts;

namespace {

const Instant kNow = parse_instant("2026-11-20T12:05:00Z").value();
const Instant kSlot = parse_instant("2026-11-20T12:15:00Z").value();

WaitFacts waiting() {
    WaitFacts facts;
    facts.tier = "premium";
    facts.schedule = "every 15m";
    facts.platform = "instagram";
    facts.state = "active";
    facts.due_at = facts.collect_at = facts.slot_at = kSlot;
    facts.attempts = 5;
    facts.last_run =
        WaitFacts::LastRun{.id = 7, .state = "succeeded", .error_class = {}, .error = {}, .finished_at = kNow - 5min};
    facts.now = kNow;
    return facts;
}

std::string sentence(const WaitFacts& facts) {
    return collect::why(facts).sentence;
}

}  // namespace

TEST_CASE("slots from outside that nobody has made yet") {
    auto facts = waiting();
    facts.collect_at = facts.slot_at = Instant::max();
    CHECK(collect::why(facts).reason == "not_due");
    CHECK(sentence(facts).starts_with("it has no slot until tally_trigger() makes one (tier " + facts.tier + ", "));
}

TEST_CASE("not due yet") {
    auto facts = waiting();
    CHECK(collect::why(facts).reason == "not_due");
    CHECK(sentence(facts) ==
          "it is not due until 2026-11-20T12:15:00Z (in 10m) (tier premium, every 15m); the last run (7) succeeded at "
          "2026-11-20T12:00:00Z (5m ago).");
    facts.last_run = std::nullopt;
    facts.spare_at = kNow;
    CHECK(sentence(facts).ends_with("it has never run; older days follow in what time is left."));
}

TEST_CASE("the state of the connection comes before everything that would follow from it") {
    auto facts = waiting();
    facts.collect_at = facts.due_at = Instant::max();
    facts.state_since = kNow - 2h;
    facts.state = "paused";
    facts.state_reason = "holidays";
    CHECK(sentence(facts) ==
          "paused since 2026-11-20T10:05:00Z (2h ago): holidays; 'tallyctl connection resume' lets it go on.");
    facts.state = "needs_authorization";
    facts.state_reason = "profile: expired";
    CHECK(collect::why(facts).reason == "needs_authorization");
    CHECK(sentence(facts).find("profile: expired") != std::string::npos);
    facts.state = "gone";
    CHECK(collect::why(facts).reason == "gone");
    facts.platform_enabled = false;
    CHECK(collect::why(facts).reason == "disabled");
    facts.platform_known = false;
    CHECK(sentence(facts) == "there is no platform file for 'instagram': see 'tallyctl platform list'.");
}

TEST_CASE("being served, told to wait, waiting for its turn") {
    auto facts = waiting();
    facts.due_at = facts.collect_at = facts.slot_at = kNow - 90s;
    facts.before = 3;
    CHECK(sentence(facts) ==
          "it is due since 2026-11-20T12:03:30Z (1m30s ago) and waits for its turn behind 3 others.");
    facts.before = 1000;
    facts.triggers = 1;
    CHECK(sentence(facts) ==
          "it is due since 2026-11-20T12:03:30Z (1m30s ago), asked for by hand, and waits for its turn "
          "behind 1000 others or more.");
    facts.down_since = kNow - 10min;
    facts.probe_at = kNow + 30s;
    CHECK(collect::why(facts).reason == "platform_down");
    CHECK(sentence(facts).find("the next at 2026-11-20T12:05:30Z (in 30s)") != std::string::npos);
    facts.blocked_until = kNow + 1h;
    facts.blocked_reason = "call_count 100%";
    CHECK(sentence(facts) == "its budget is empty until 2026-11-20T13:05:00Z (in 1h): call_count 100%.");
    facts.leased_by = "web1-0a";
    CHECK(sentence(facts) == "it is being served right now by node web1-0a.");
}

TEST_CASE("between two attempts, and after a wait that a platform asked for") {
    auto facts = waiting();
    facts.slot_at = kNow - 5min;
    facts.due_at = facts.collect_at = kNow + 20s;
    facts.attempt = 3;
    facts.last_run = WaitFacts::LastRun{.id = 9,
                                        .state = "failed",
                                        .error_class = "retry http 503",
                                        .error = "reach: unavailable",
                                        .finished_at = kNow - 1min};
    CHECK(sentence(facts) ==
          "attempt 4 of 5 follows at 2026-11-20T12:05:20Z (in 20s); the last run (9) failed at "
          "2026-11-20T12:04:00Z (1m ago): reach: unavailable.");
    facts.slot_at = kNow + 10min;
    CHECK_MESSAGE(collect::why(facts).reason == "retry", "a first run, or one asked for by hand, before its slot");
    facts.slot_at = kNow - 5min;
    facts.last_run->error_class = "wait http 429";
    CHECK(collect::why(facts).reason == "blocked");
    facts.slot_at = kNow + 5min;
    facts.collect_at = kNow + 1h;
    CHECK_MESSAGE(collect::why(facts).reason == "blocked", "the wait reaches past the next slot");
}
