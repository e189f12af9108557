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

/// What of the ordinary plan a run collects.
enum class Part {
    all,
    regular,  ///< what each slot is for: numbers of the moment, and days that are new or may still change
    gaps,     ///< older days that are not covered, in what time is left
};

/// A day is new for so long after its numbers are final: one night without collection is made up for at once.
constexpr std::chrono::days kNewDays{2};

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
    Part part = Part::all;                               ///< without `forced`
    MetricSets avoid = {};                               ///< quarantined: not asked for
    MetricSets probe = {};        ///< quarantined, and to be tried again: each asked for alone, on one window
    std::size_t max_tasks = 250;  ///< of one run, so that nobody waits behind a long one
};

struct Plan {
    std::vector<Task> tasks;
    std::size_t left = 0;  ///< tasks that did not fit or are another part's; planned again from the coverage
};

/// `now` requests in file order, then days, the newest first. A day of a request is asked for when it is not covered,
/// when it may have changed and was not asked for on this date yet, or when it is running and the request is for each
/// slot. Pure.
Plan plan(const PlanInput& in);

/// Whether an account with these attributes is asked that at all.
bool makes_sense(const Request& request, const std::map<std::string, std::string>& attributes);

/// The metrics of a request that the platform has on offer on that date.
std::vector<std::string> offered(const Platform& platform, const Request& request, Day today);

}  // namespace tally::platform
