// SPDX-License-Identifier: Apache-2.0
// How late slots are served, as counts in fixed buckets: small enough to keep for every hour, tier and platform.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

namespace tally::schedule {

/// Upper ends of the buckets, in seconds; a last bucket holds what is later. Kept counters are written with them, so
/// buckets may be added at the end but never changed.
constexpr std::array<std::int64_t, 17> kLatenessBounds{1,   2,   5,    10,   20,   30,    60,    120,  300,
                                                       600, 900, 1800, 3600, 7200, 14400, 28800, 86400};
constexpr std::size_t kLatenessBuckets = kLatenessBounds.size() + 1;
using LatenessCounts = std::array<std::int64_t, kLatenessBuckets>;

/// The bucket of a lateness; a slot served early (clocks differ) was on time.
std::size_t lateness_bucket(std::chrono::milliseconds late) noexcept;

/// The lateness that `part` (0 to 1) of the slots did not exceed, interpolated within its bucket; the last bucket gives
/// its lower end. nullopt: no slots.
std::optional<double> lateness_percentile(const LatenessCounts& counts, double part);

/// The part (0 to 1) of the slots that were at most this late. nullopt: no slots.
std::optional<double> lateness_part(const LatenessCounts& counts, std::chrono::seconds late);

}  // namespace tally::schedule
