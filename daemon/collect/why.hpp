// SPDX-License-Identifier: Apache-2.0
// One sentence why a connection has not run. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/time.hpp"

namespace tally::collect {

/// All that decides when a connection is served next.
struct WaitFacts {
    std::string tier, schedule;    ///< its name, and "every 15m" or "cron 0 2 * * *"
    bool platform_known = true;    ///< there is a platform file
    bool platform_enabled = true;  ///< by the configuration
    std::string platform;
    std::string state, state_reason;  ///< of the connection
    std::optional<Instant> state_since;
    std::optional<std::string> leased_by;  ///< a node that lives
    std::optional<Instant> blocked_until;  ///< told to wait by a limit
    std::string blocked_reason;
    std::optional<Instant> down_since, probe_at;  ///< the platform seems to be down
    Instant due_at;                               ///< collection or the care of its token
    Instant collect_at, slot_at;                  ///< see lease::Lease
    std::optional<Instant> spare_at;
    unsigned attempt = 0;       ///< made for slot_at
    unsigned attempts = 1;      ///< that one slot may have
    std::int64_t triggers = 0;  ///< runs asked for by hand that wait
    std::int64_t before = 0;    ///< slots of its lane that are due before it
    struct LastRun {
        std::int64_t id = 0;
        std::string state, error_class, error;
        Instant finished_at;
    };
    std::optional<LastRun> last_run;
    Instant now;
};

struct Why {
    /// disabled, paused, needs_authorization, gone, running, blocked, platform_down, due, retry or not_due
    std::string reason;
    std::string sentence;  ///< for people; begins with a small letter, ends with a full stop
};

Why why(const WaitFacts& facts);

}  // namespace tally::collect
