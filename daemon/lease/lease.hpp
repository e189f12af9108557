// SPDX-License-Identifier: Apache-2.0
// The right of one node to serve one connection once.
#pragma once

#include <chrono>
#include <compare>
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

/// A queue of slots that wait under the same terms.
struct Lane {
    std::string name;  ///< the platform, or "PLATFORM/APP" for connections of a further app
    /// How long after it fell due work should be begun; nullopt: it may wait for as long as there is other work.
    std::optional<std::chrono::seconds> slack;

    std::string platform() const { return name.substr(0, name.find('/')); }
    friend auto operator<=>(const Lane&, const Lane&) = default;
};

/// The first slot of a lane that nobody serves.
struct LaneHead {
    Lane lane;
    Instant due_at;
};

/// A place in a lane's order.
struct Cursor {
    Instant due_at{};
    std::int64_t connection_id = 0;
    friend auto operator<=>(const Cursor&, const Cursor&) = default;
};

/// What a claim may take of one lane.
struct LaneShare {
    Lane lane;
    unsigned limit = 0;
    Cursor after{};  ///< begin behind this one; unused for what may wait
};

struct Lease {
    std::int64_t connection_id = 0;
    std::int64_t token = 0;  ///< finish and release must name it; it is also the id of the run
    Instant due_at;
    Instant collect_at;                ///< when collection is due; later than due_at when only the token wants care
    std::optional<Instant> upkeep_at;  ///< when the token wants care; nullopt: never by itself
    std::optional<Instant>
        spare_at{};        ///< gaps and long past days may be collected from then on; nullopt: none are known
    Instant slot_at;       ///< the regular slot that is pursued; later than due_at when only a trigger made it due
    unsigned attempt = 1;  ///< for slot_at, this one included
    bool counted = true;   ///< whether the claim counted as an attempt; one that did not takes none back
    Lane lane{};           ///< where it was claimed

    bool is_spare() const noexcept { return !lane.name.empty() && !lane.slack; }
};

/// Clocks that differ by less are taken for equal.
constexpr std::chrono::milliseconds kClockTolerance{250};

/// Asked for further back than this, days may wait until there is nothing else to do.
constexpr std::chrono::days kLongPast{35};

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
    Instant claimed_at;                 ///< by the database's clock
    std::string state;                  ///< active or paused; a paused connection is leased for its token only
    std::optional<Instant> expires_at;  ///< of the access token
    platform::Coverage coverage;
    std::vector<Trigger> triggers;
    bool probe_of_platform = false;  ///< the platform seems to be down: this run tries it, and costs no attempt
    platform::MetricSets refused;    ///< quarantined for this connection alone
    platform::MetricSets probe;      ///< of these, the ones to try again
};

}  // namespace tally::lease
