// SPDX-License-Identifier: Apache-2.0
// The right of one node to serve one connection once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/postgres/value.hpp"
#include "common/time.hpp"
#include "daemon/platform/coverage.hpp"

namespace tally::lease {

struct Lease {
    std::int64_t connection_id = 0;
    std::int64_t token = 0;  ///< finish and release must name it; it is also the id of the run
    Instant due_at;
    Instant slot_at;       ///< the regular slot that is pursued; later than due_at when only a trigger made it due
    unsigned attempt = 1;  ///< for slot_at, this one included
};

/// A run asked for by hand that waits for this connection.
struct Trigger {
    std::int64_t id = 0;
    std::optional<DayRange> days;  ///< nullopt: the ordinary plan
};

/// A lease with all that its run needs to know.
struct Assignment {
    Lease lease;
    std::string user_id, tier, user_zone;
    std::string platform, account_id;
    std::map<std::string, std::string> attributes;
    postgres::Bytes sealed_credential, sealed_user_key;
    platform::Coverage coverage;
    std::vector<Trigger> triggers;
};

}  // namespace tally::lease
