// SPDX-License-Identifier: Apache-2.0
// When a connection is due: pure functions from schedule, phase and time to slots.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "common/config/config.hpp"
#include "common/config/cron.hpp"
#include "common/time.hpp"
#include "common/time_zone.hpp"

namespace tally::schedule {

/// Moments at whole multiples of the period since the Unix epoch: 15m means :00, :15, :30, :45.
struct Every {
    std::chrono::seconds period;  ///< positive
};

/// Moments at the matching minutes of a zone's wall clock. Clock changes:
/// - A minute that the clock skips happens once, right at the change, however many minutes of the line were skipped.
/// - A minute that happens twice counts the first time only.
/// - A line whose hour field begins with `*` means an interval. It goes on through both passes of a doubled hour, and a
///   skipped minute that it names again behind the change (`30 * * * *`: 03:30 comes when 02:30 would have) is not made
///   up for.
struct CronIn {
    config::Cron cron;
    TimeZone zone;
};

/// Somebody else makes the slots: the schedule has none of its own.
struct External {};

/// The slot of a schedule that has none: a moment that never comes.
constexpr Instant kNoSlot = Instant::max();

/// Slots are the moments plus a connection's phase, in elapsed time.
struct Schedule {
    std::variant<Every, CronIn, External> clock;
    std::chrono::seconds spread{0};  ///< phases lie in [0, spread); 0: all phases are 0
};

/// @throws Error (config) when the tier is not valid (a tier from config::load always is)
Schedule make_schedule(const config::Tier& tier);

/// A `last` further ahead of `now` than this was written by a clock that was wrong, and is not believed.
constexpr std::chrono::hours kClockTrust{24};

/// The first slot strictly after both `last` (the slot served last, if any) and `now`. So slots never repeat when the
/// clock steps back, and missed ones collapse: the caller serves a slot that is due once and goes on with this one.
/// kNoSlot for an External one.
Instant next_slot(const Schedule& schedule, std::chrono::seconds phase, std::optional<Instant> last, Instant now);

/// All slots after `from` up to and including `to`, ascending. The caller bounds the time between.
std::vector<Instant> slots_between(const Schedule& schedule, std::chrono::seconds phase, Instant from, Instant to);

/// What becomes of the slots that a connection missed: the newest is served, all earlier ones are merged into it.
struct Due {
    Instant served;
    std::size_t merged = 0;
    std::optional<Instant> merged_last;  ///< the newest of the merged ones, whose oldest is `first`; none: nullopt
};

/// @param first the slot that the connection pursues. It counts as one even when it is not on the schedule, because
///     another configuration may have planned it. Later than `now` it is served alone.
/// Constant time for Every; a cron line is walked slot by slot.
Due collapse(const Schedule& schedule, std::chrono::seconds phase, Instant first, Instant now);

/// A connection's place inside the spread, evenly distributed over [0, spread). FNV-1a (64 bits) of the id, finished by
/// SplitMix64, modulo the spread: it must never change between versions, or every connection would move.
std::chrono::seconds phase_of(std::string_view stable_id, std::chrono::seconds spread);

}  // namespace tally::schedule
