// SPDX-License-Identifier: Apache-2.0
// The requests of one run: a pure function of platform file, coverage and now.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
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
    bool is_probe = false;  ///< tries whether a quarantined metric is answered again
};

/// Metrics of requests, as "request" -> names; the name "" stands for the whole request.
using MetricSets = std::map<std::string, std::set<std::string>, std::less<>>;

struct PlanInput {
    const Platform& platform;
    TimeZone zone;  ///< of the account's days
    const Coverage& coverage;
    Instant now;
    std::chrono::days backfill;      ///< how far back gaps are filled; never more than what is retained
    std::optional<DayRange> forced;  ///< these days and nothing else, known or not
    /// With `forced`: what was asked since then is done. That is how a long backfill goes on after a crash.
    std::optional<Instant> forced_since = {};
    std::map<std::string, std::string> attributes = {};  ///< of the account: decide requests with `only_if`
    MetricSets avoid = {};                               ///< quarantined: not asked for
    MetricSets probe = {};        ///< quarantined, and to be tried again: each asked for alone, on one window
    std::size_t max_tasks = 250;  ///< of one run, so that nobody waits behind a long one
};

struct Plan {
    std::vector<Task> tasks;
    std::size_t left = 0;  ///< tasks that did not fit; the next run plans them again from the coverage
};

/// `now` requests in file order, then days, the newest first. A day of a request is asked for when it is not covered,
/// when it may have changed and was not asked for on this date yet, or when it is running and the request is for each
/// slot. Pure.
Plan plan(const PlanInput& in);

/// The metrics of a request that the platform has on offer on that date.
std::vector<std::string> offered(const Platform& platform, const Request& request, Day today);

}  // namespace tally::platform
