// SPDX-License-Identifier: Apache-2.0
// Lateness in buckets and back.
#include "daemon/schedule/lateness.hpp"

#include <doctest/doctest.h>

using namespace tally::schedule;
using namespace std::chrono_literals;

TEST_CASE("a lateness falls into the first bucket whose end it does not exceed") {
    CHECK(lateness_bucket(-5s) == 0);
    CHECK(lateness_bucket(0ms) == 0);
    CHECK(lateness_bucket(1000ms) == 0);
    CHECK(lateness_bucket(1001ms) == 1);
    CHECK(lateness_bucket(24h) == kLatenessBuckets - 2);
    CHECK(lateness_bucket(24h + 1ms) == kLatenessBuckets - 1);
}

TEST_CASE("the part of the slots in time is exact at the ends of the buckets") {
    LatenessCounts counts{};
    CHECK_FALSE(lateness_part(counts, 900s));
    counts[lateness_bucket(3s)] = 6;
    counts[lateness_bucket(900s)] = 3;
    counts[lateness_bucket(901s)] = 1;
    CHECK(*lateness_part(counts, 900s) == doctest::Approx(0.9));
    CHECK(*lateness_part(counts, 5s) == doctest::Approx(0.6));
    CHECK(*lateness_part(counts, 0s) == doctest::Approx(0.0));
    CHECK(*lateness_part(counts, 24h) == doctest::Approx(1.0));
    counts[kLatenessBuckets - 1] = 10;
    CHECK(*lateness_part(counts, 240h) == doctest::Approx(0.5));
}

TEST_CASE("percentiles lie within the bucket that holds them") {
    LatenessCounts counts{};
    CHECK_FALSE(lateness_percentile(counts, 0.5));
    counts[0] = 90;  // up to 1 s
    counts[4] = 10;  // 10 to 20 s
    CHECK(*lateness_percentile(counts, 0.5) <= 1.0);
    CHECK(*lateness_percentile(counts, 0.9) == doctest::Approx(1.0));
    CHECK(*lateness_percentile(counts, 0.95) == doctest::Approx(15.0));
    CHECK(*lateness_percentile(counts, 1.0) == doctest::Approx(20.0));
    counts[kLatenessBuckets - 1] = 900;
    CHECK(*lateness_percentile(counts, 0.99) == doctest::Approx(86400.0));
}
