// SPDX-License-Identifier: Apache-2.0
// The bounds of the waits between attempts.
#include "daemon/schedule/retry.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace std::chrono;
using tally::schedule::retry_delay;
using tally::schedule::RetryInput;

namespace {

/// Shortest and longest of many draws.
std::pair<milliseconds, milliseconds> range(const RetryInput& input) {
    std::mt19937_64 random{7};
    auto least = milliseconds::max(), most = milliseconds::min();
    for (int i = 0; i < 4'000; ++i) {
        const auto delay = retry_delay(input, random);
        least = std::min(least, delay);
        most = std::max(most, delay);
    }
    return {least, most};
}

}  // namespace

TEST_CASE("the wait doubles up to the ceiling, with full jitter") {
    struct Row {
        unsigned attempt;
        seconds upper;
    };
    for (const auto& row : {Row{0, 30s}, Row{1, 30s}, Row{2, 60s}, Row{3, 120s}, Row{7, 1920s}, Row{8, 3600s},
                            Row{4'000'000'000U, 3600s}}) {
        CAPTURE(row.attempt);
        const auto [least, most] = range({.attempt = row.attempt, .base = 30s, .ceiling = 1h});
        CHECK(least * 100 < row.upper);
        CHECK(most <= row.upper);
        CHECK(most > row.upper * 99 / 100);
    }
}

TEST_CASE("never earlier than the platform said, even above the ceiling") {
    const auto [least, most] = range({.attempt = 2, .base = 30s, .ceiling = 1h, .floor = 2h});
    CHECK(least >= 2h);
    CHECK(most <= 2h + 60s);
    CHECK(most > 2h + 59s);
}

TEST_CASE("extreme settings stay in range") {
    CHECK(range({.attempt = 64, .base = milliseconds::max() / 2, .ceiling = milliseconds::max() / 2}).second <=
          milliseconds::max() / 2);
    CHECK(range({.attempt = 3, .base = 0ms, .ceiling = 1h}).second == 0ms);
    CHECK(range({.attempt = 1, .base = 2h, .ceiling = 1h}).second <= 1h);
}
