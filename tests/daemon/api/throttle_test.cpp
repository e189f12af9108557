// SPDX-License-Identifier: Apache-2.0
// Wrong secrets.
#include "daemon/api/throttle.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using tally::api::Throttle;

namespace {

const Throttle::Clock::time_point kStart{1h};

}  // namespace

TEST_CASE("who fails often waits, others do not, and time forgives") {
    Throttle throttle;
    for (int i = 0; i < Throttle::kBurst; ++i) {
        CHECK(throttle.wait("a", kStart) == 0s);
        throttle.failed("a", kStart);
    }
    CHECK(throttle.wait("a", kStart) == Throttle::kForgive);
    CHECK(throttle.wait("b", kStart) == 0s);
    CHECK(throttle.wait("a", kStart + 1s) == Throttle::kForgive - 1s);
    CHECK(throttle.wait("a", kStart + Throttle::kForgive) == 0s);
    throttle.failed("a", kStart + Throttle::kForgive);
    CHECK(throttle.wait("a", kStart + Throttle::kForgive) == Throttle::kForgive);
    CHECK(throttle.wait("a", kStart + 1h) == 0s);
}

TEST_CASE("no more peers are remembered than fit, and the worst of them longest") {
    Throttle throttle;
    for (int i = 0; i < Throttle::kBurst; ++i) throttle.failed("worst", kStart);
    for (std::size_t i = 0; i < 2 * Throttle::kMostPeers; ++i) throttle.failed(std::to_string(i), kStart);
    CHECK(throttle.wait("worst", kStart) > 0s);
}
