// SPDX-License-Identifier: Apache-2.0
// Which of the runs asked for by hand the next run of a connection serves. Pure.
#pragma once

#include <optional>
#include <vector>

#include "daemon/lease/lease.hpp"

namespace tally::collect {

struct TriggerChoice {
    std::vector<std::int64_t> served;     ///< trigger ids
    std::optional<DayRange> days;         ///< of all that are served; nullopt: the ordinary plan
    std::optional<Instant> requested_at;  ///< of these days, what was asked since then is done
    bool ordinary = false;                ///< somebody asked for the ordinary plan
};

/// A regular slot that is due comes first. Then the ordinary plan, where that was asked for, then days, one hull a run.
/// Long past days are for leases of what may wait, which serve nothing else.
TriggerChoice choose_triggers(const std::vector<lease::Trigger>& waiting, bool slot_is_due, bool spare, Day today);

/// What is left of the days once those before the oldest one that is kept are left out: they would be deleted again.
/// @param oldest nullopt: all are kept
std::optional<DayRange> still_kept(const DayRange& days, std::optional<Day> oldest);

}  // namespace tally::collect
