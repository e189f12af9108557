// SPDX-License-Identifier: Apache-2.0
// How long a node believes in its leases without the database.
#include "daemon/lease/trust.hpp"

#include <doctest/doctest.h>

using namespace tally;
using namespace std::chrono_literals;

TEST_CASE("trust begins before the heartbeat was sent and ends before the lease does") {
    lease::BootTime clock{100s};
    lease::Trust trust{15s, [&] { return clock; }};
    CHECK_FALSE(trust.holds());
    const auto sent = trust.now();
    clock += 3s;  // the answer takes its time: the database may have counted from the beginning
    trust.renew(sent);
    CHECK(trust.holds());
    clock = sent + 13499ms;
    CHECK(trust.holds());
    clock = sent + 13500ms;
    CHECK_FALSE(trust.holds());
    trust.renew(clock);
    CHECK(trust.holds());
    clock += 24h;  // the machine slept: this clock went on
    CHECK_FALSE(trust.holds());
}

TEST_CASE("the clock behind it goes on by itself") {
    const auto before = lease::boot_time();
    CHECK(before.time_since_epoch() > 0s);
    CHECK(lease::boot_time() >= before);
}
