// SPDX-License-Identifier: Apache-2.0
// The requests of one run: a pure function of platform file, coverage and now.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/time.hpp"
#include "common/time_zone.hpp"
#include "daemon/platform/coverage.hpp"
#include "daemon/platform/platform.hpp"

namespace tally::platform {

/// One request to be made (and its further pages). `request` belongs to the platform, which must outlive the task.
struct Task {
    const Request* request = nullptr;
    std::optional<DayRange> days;  ///< nullopt for what only exists now
    std::vector<std::string> metrics;
};

struct PlanInput {
    const Platform& platform;
    TimeZone zone;  ///< of the account's days
    const Coverage& coverage;
    Instant now;
    std::chrono::days backfill;      ///< how far back gaps are filled; never more than what is retained
    std::optional<DayRange> forced;  ///< these days and nothing else, known or not
};

/// `now` requests in file order, then days, the newest first. A day of a request is asked for when it is not covered,
/// when it may have changed and was not asked for on this date yet, or when it is running and the request is for each
/// slot.
std::vector<Task> plan(const PlanInput& in);

}  // namespace tally::platform
