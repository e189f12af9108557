// SPDX-License-Identifier: Apache-2.0
// The right of one node to serve one connection once.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/postgres/value.hpp"
#include "common/time.hpp"
#include "daemon/platform/coverage.hpp"
#include "daemon/platform/plan.hpp"

namespace tally::lease {

struct Lease {
    std::int64_t connection_id = 0;
    std::int64_t token = 0;  ///< finish and release must name it; it is also the id of the run
    Instant due_at;
    Instant collect_at;                ///< when collection is due; later than due_at when only the token wants care
    std::optional<Instant> upkeep_at;  ///< when the token wants care; nullopt: never by itself
    Instant slot_at;       ///< the regular slot that is pursued; later than due_at when only a trigger made it due
    unsigned attempt = 1;  ///< for slot_at, this one included
    bool counted = true;   ///< whether the claim counted as an attempt; one that did not takes none back
};

/// Asked for further back than this, days are a backfill, which leaves the right of way to regular slots.
constexpr std::chrono::days kLongPast{35};

/// What a claim takes.
enum class Work {
    any,
    regular,   ///< all but backfills
    backfill,  ///< the next goes of backfills whose connection's regular slot is not due
};

/// A lease that may not be served before some time.
struct Deferral {
    Lease lease;
    Instant until;
};

/// A run asked for by hand that waits for this connection.
struct Trigger {
    std::int64_t id = 0;
    std::optional<DayRange> days;  ///< nullopt: the ordinary plan
    Instant requested_at;
};

/// A lease with all that its run needs to know.
struct Assignment {
    Lease lease;
    std::string user_id, tier, user_zone;
    std::string platform, account_id;
    std::map<std::string, std::string> attributes;
    postgres::Bytes sealed_credential, sealed_user_key;
    std::string state;                  ///< active or paused; a paused connection is leased for its token only
    std::optional<Instant> expires_at;  ///< of the access token
    platform::Coverage coverage;
    std::vector<Trigger> triggers;
    bool backfill = false;         ///< was claimed as Work::backfill
    platform::MetricSets refused;  ///< quarantined for this connection alone
    platform::MetricSets probe;    ///< of these, the ones to try again
};

}  // namespace tally::lease
