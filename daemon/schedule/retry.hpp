// SPDX-License-Identifier: Apache-2.0
// How long to wait before a failed collection is tried again.
#pragma once

#include <chrono>
#include <random>

namespace tally::schedule {

struct RetryInput {
    unsigned attempt;                    ///< the attempt that failed, from 1
    std::chrono::milliseconds base;      ///< upper end of the first wait
    std::chrono::milliseconds ceiling;   ///< upper end of every later one
    std::chrono::milliseconds floor{0};  ///< what the platform asked for: never earlier
};

/// floor + a random time up to min(base * 2^(attempt-1), ceiling): full jitter above the platform's own word, so that
/// those who failed together do not come back together.
std::chrono::milliseconds retry_delay(const RetryInput& input, std::mt19937_64& random);

}  // namespace tally::schedule
