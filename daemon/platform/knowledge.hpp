// SPDX-License-Identifier: Apache-2.0
// What is known of each day of each metric of one connection: coverage, refusals and the platform file put together.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.hpp"
#include "common/time_zone.hpp"
#include "daemon/platform/coverage.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/platform/platform.hpp"

namespace tally::platform {

/// The states of coverage, and the two that need no row.
enum class Knowledge : std::uint8_t {
    final,
    provisional,
    pending,
    empty,
    refused,
    never_asked,  ///< a gap: it could have been asked for
    impossible,   ///< in the future, outside the platform's history, or the metric does not exist on that day
};
std::string_view to_text(Knowledge state) noexcept;

struct KnownSpan {
    DayRange days;
    Knowledge state;
    std::optional<Instant> asked_at;  ///< of the latest answer; nullopt where nothing was asked
    friend bool operator==(const KnownSpan&, const KnownSpan&) = default;
};

/// Metrics of one request of which the same is known.
struct MetricDays {
    const Request* request = nullptr;  ///< belongs to the platform
    std::vector<std::string> metrics;
    std::vector<KnownSpan> days;  ///< in order, every day of the range once
};

/// Days with numbers, and when these were fetched, by request and metric.
using NumberDays = std::map<std::string, std::map<std::string, std::map<Day, Instant>, std::less<>>, std::less<>>;

struct KnowledgeInput {
    const Platform& platform;
    TimeZone zone;  ///< of the account's days
    const Coverage& coverage;
    const std::map<std::string, std::string>& attributes;
    const MetricSets& refused;  ///< quarantined for this connection or for all
    const NumberDays& numbers;  ///< of what numbers_wanted() names
    Instant now;
    Instant connected_at;  ///< numbers of the moment begin with the connection
    DayRange range;
};

/// The metrics whose numbers themselves must be looked at: those of requests of the moment that are made in each slot,
/// which keep no coverage, and refused ones, which were answered before.
MetricSets numbers_wanted(const Platform& platform, const MetricSets& refused);

/// In file order. Requests that make no sense for the account are left out. Pure.
std::vector<MetricDays> knowledge(const KnowledgeInput& in);

/// The days that a request can be asked for on the day `today`, its numbers of the moment included: may be empty (first
/// after last). @param connected the day on which the connection began
DayRange askable_days(const Request& request, Day today, Day connected);

/// Whether the request keeps no coverage: its numbers of the moment are asked for in every slot.
bool keeps_no_coverage(const Request& request) noexcept;

}  // namespace tally::platform
