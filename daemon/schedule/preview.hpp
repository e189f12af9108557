// SPDX-License-Identifier: Apache-2.0
// The moments of a schedule with what clock changes do to them in words. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "daemon/schedule/schedule.hpp"

namespace tally::schedule {

/// A moment of a schedule: the slot of a connection whose phase is 0.
struct Preview {
    Instant at;
    std::optional<Instant> before;  ///< the moment before it; nullopt when there was none for decades
    std::string note;               ///< why it is not where it is on other days; empty on those
};

/// The first `count` moments strictly after `after`.
std::vector<Preview> preview(const Schedule& schedule, const TimeZone& shown, Instant after, std::size_t count);

/// For each change `count` moments, half of them before it; ascending, each once.
std::vector<Preview> preview_around(const Schedule& schedule, const TimeZone& shown,
                                    const std::vector<ClockChange>& changes, std::size_t count);

/// What a clock change between `before` (the moment before it, if any) and `moment` or at `moment` does, such as
/// "02:30 does not exist on 2027-03-28: clocks go from 02:00 to 03:00; runs once at 03:00". Empty: nothing.
/// @param shown the zone that the reader sees; another one is named
std::string explain(const Schedule& schedule, const TimeZone& shown, std::optional<Instant> before, Instant moment);

/// "clocks go from 02:00 to 03:00 on 2027-03-28"
std::string describe(const ClockChange& change);

}  // namespace tally::schedule
