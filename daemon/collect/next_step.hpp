// SPDX-License-Identifier: Apache-2.0
// Decides, after a run, when its connection is served next and what becomes of it. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <string>

#include "common/time.hpp"
#include "daemon/collect/collector.hpp"
#include "daemon/schedule/schedule.hpp"

namespace tally::collect {

struct RetrySettings {
    unsigned attempts = 5;  ///< of one slot, the first one included
    std::chrono::milliseconds base{30'000}, ceiling{3'600'000};
};

struct NextStepInput {
    const Collected& collected;
    Instant regular_slot;  ///< the slot that the run served, or, when none was due, the next one
    bool slot_was_due;     ///< when the run began
    unsigned attempt;      ///< of that slot, from 1
    bool counts = true;    ///< false: it tried a platform that seemed to be down, which costs no attempt
    const schedule::Schedule& schedule;
    std::chrono::seconds phase;
    RetrySettings retry;
    Instant started, now;
};

enum class RunState { succeeded, partial, failed };

/// What a run does to its connection beside the next slot.
enum class ConnectionFate { unchanged, needs_authorization, gone };

struct NextStep {
    RunState state = RunState::succeeded;
    Instant not_before;  ///< whatever waits to be done by hand: a platform said wait, or something passing is wrong
    Instant due_at;      ///< when to serve next
    std::optional<Instant>
        spare_at;          ///< when to go on with what may wait; nullopt: nothing is left, or nothing would come of it
    Instant slot;          ///< the regular slot that will then be pursued
    unsigned attempt = 0;  ///< attempts made for that slot
    bool gave_up = false;  ///< the slot ends here although something failed that might have passed
    ConnectionFate fate = ConnectionFate::unchanged;
    std::string error_class;  ///< such as "reauthorize 190/463"; empty when all is well
    std::string error;        ///< one line for people; empty when all is well
};

/// How much later than told one connection begins again: up to a tenth of the wait, at most a minute.
std::chrono::milliseconds spread_after(std::chrono::milliseconds wait, std::mt19937_64& random);

/// The regular slot stands whatever happens: a retry that would come after the next slot leaves the work to that slot,
/// a wait that the platform asked for is respected even past it and does not use up an attempt. The next slot is the
/// one after the served one, even when it fell due while the run was under way: no slot is passed over.
NextStep next_step(const NextStepInput& input, std::mt19937_64& random);

}  // namespace tally::collect
