// SPDX-License-Identifier: Apache-2.0
// What the headers of an answer tell about the limits: read on good answers too, so that a caller slows down in time.
#pragma once

#include <optional>
#include <vector>

#include "common/time.hpp"
#include "daemon/platform/classify.hpp"
#include "daemon/platform/platform.hpp"

namespace tally::platform {

struct UsageReading {
    BudgetScope scope = BudgetScope::app;
    double used = 0;                       ///< of the limit: 0 is nothing, 1 is all; more is possible
    std::optional<Instant> blocked_until;  ///< not before, says the platform, or our own limit `stop_at` is reached
    std::optional<Instant> resets_at;      ///< when a counted bucket is full again
    std::chrono::milliseconds spacing{0};  ///< how far apart requests should be from now on; 0: no need
};

/// One reading for each usage header that is there and can be read; others are passed over.
std::vector<UsageReading> read_usage(const Platform& platform, const HttpAnswer& answer, Instant now);

}  // namespace tally::platform
