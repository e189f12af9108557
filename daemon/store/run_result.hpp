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
    std::string user_id, platform, account_id;
    std::string source = "social_media";
    std::optional<TimeZone> zone;  ///< of the account's days; needed when there are samples
    std::string node;
    std::string trigger = "schedule";  ///< schedule, manual or retry
    bool slot_served = true;           ///< false: no regular slot was due
    Instant started_at;
    unsigned requests = 0;
    std::string state = "succeeded";  ///< succeeded, partial or failed
    std::string error_class, error;   ///< one line each, without secrets; empty when all is well
    std::vector<platform::Sample> samples;
    std::map<std::string, platform::DayMap> coverage;  ///< complete new map of each request that changed
    Instant next_due, next_slot;
    unsigned next_attempt = 0;
    bool gave_up = false;                                        ///< the slot ends here: a slot exception is kept
    std::string connection_state;                                ///< empty: unchanged; else needs_authorization or gone
    std::map<std::string, std::string> learned;                  ///< attributes to keep
    std::optional<postgres::Bytes> sealed_before, sealed_after;  ///< a credential to replace
    std::vector<std::int64_t> triggers;                          ///< served by this run
};

struct RunReport {
    bool stored = false;  ///< false: the lease was lost, and nothing was written
    std::int64_t rows_written = 0, rows_changed = 0;
    std::vector<std::string> refused;  ///< one line a row that could not be stored
};

}  // namespace tally::store
