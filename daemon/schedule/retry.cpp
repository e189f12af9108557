// SPDX-License-Identifier: Apache-2.0
// Exponential back-off with full jitter.
#include "daemon/schedule/retry.hpp"

#include <algorithm>

namespace tally::schedule {

using std::chrono::milliseconds;

milliseconds retry_delay(const RetryInput& input, std::mt19937_64& random) {
    auto upper = std::min(input.base, input.ceiling);
    for (unsigned attempt = 1; attempt < std::min(input.attempt, 64U) && upper < input.ceiling; ++attempt)
        upper = upper > input.ceiling / 2 ? input.ceiling : upper * 2;
    std::uniform_int_distribution<milliseconds::rep> jitter{0, std::max(upper, milliseconds{0}).count()};
    return input.floor + milliseconds{jitter(random)};
}

}  // namespace tally::schedule
