// SPDX-License-Identifier: Apache-2.0
// What one run hands to the store, and what the store says of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/postgres/value.hpp"
#include "common/time.hpp"
#include "common/time_zone.hpp"
#include "daemon/lease/lease.hpp"
#include "daemon/platform/coverage.hpp"
#include "daemon/platform/sample.hpp"

namespace tally::store {

struct RunResult {
    lease::Lease lease;
    std::string user_id, platform, account_id, tier;
    std::string source = "social_media";
    std::optional<TimeZone> zone;  ///< of the account's days; needed when there are samples
    std::string node;
    std::string trigger = "schedule";  ///< schedule, manual, retry or gap
    std::optional<Instant> slot;       ///< the regular slot that it served; nullopt: none was due
    /// Slots that had fallen due before the served one: merged into it.
    struct Merged {
        Instant first, last;
        std::size_t slots = 0;
    };
    std::optional<Merged> merged;
    Instant started_at;
    unsigned requests = 0;
    bool recorded = true;             ///< false: only the token was cared for, or nothing could be asked: no run
    std::string state = "succeeded";  ///< succeeded, partial or failed
    std::string error_class, error;   ///< one line each, without secrets; empty when all is well
    std::vector<platform::Sample> samples;
    std::map<std::string, platform::DayMap> coverage;  ///< complete new map of each request that changed
    std::vector<Instant>
        asked_again_since;  ///< when waiting triggers wanted days asked again: kept apart in `coverage`
    Instant next_due, next_slot;
    std::optional<Instant> spare_at;   ///< when to go on with what may wait
    std::chrono::seconds slack{900};   ///< of the tier
    Instant not_before;                ///< for what waits to be done by hand
    std::optional<Instant> upkeep_at;  ///< when the token wants care next
    unsigned next_attempt = 0;
    bool gave_up = false;                                        ///< the slot ends here: a slot exception is kept
    std::string connection_state;                                ///< empty: unchanged; else needs_authorization or gone
    std::optional<postgres::Bytes> sealed_used;                  ///< the credential that `connection_state` speaks of
    std::map<std::string, std::string> learned;                  ///< attributes to keep
    std::optional<postgres::Bytes> sealed_before, sealed_after;  ///< a credential to replace
    std::vector<std::int64_t> triggers;                          ///< served by this run, or a part of them
    std::size_t requests_left = 0;  ///< of the triggers' days; more than 0: they wait for the next run

    /// A metric (empty: the whole request) that the platform refuses to this connection.
    struct Refusal {
        std::string request, metric, code, message;
        std::string replaced_by = {};          ///< what to use instead; empty when not known
        bool expected = false;                 ///< not every account has it: no alert, never refused for all
        std::optional<Instant> last_answered;  ///< when this node last saw any connection get it
    };
    std::vector<Refusal> refusals;
    std::vector<std::pair<std::string, std::string>> answered_again;  ///< request and metric: their quarantine ends
    struct AlertChange {
        std::string kind, subject;
        std::string message;  ///< empty: it is over
    };
    std::vector<AlertChange> alerts;

    /// How late the oldest slot behind it was begun; nullopt when no slot was due. A retry serves one that was begun in
    /// time.
    std::optional<std::chrono::milliseconds> lateness() const {
        if (!recorded || !slot || lease.attempt > 1) return std::nullopt;
        return std::chrono::ceil<std::chrono::milliseconds>(started_at - (merged ? merged->first : *slot));
    }
};

struct RunReport {
    bool stored = false;  ///< false: the lease was lost, and nothing was written
    std::int64_t rows_written = 0, rows_changed = 0;
    std::vector<std::string> refused;  ///< one line a row that could not be stored
};

}  // namespace tally::store
