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
    bool backfill = false;                ///< the days go back to the long past
};

/// A regular slot that is due comes first: between two goes of a backfill its connection is not late. Then the ordinary
/// plan, where that was asked for, then days, one hull a run.
TriggerChoice choose_triggers(const std::vector<lease::Trigger>& waiting, bool slot_is_due, Day today);

}  // namespace tally::collect
