// SPDX-License-Identifier: Apache-2.0
// Where a number comes from, or why there is none.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/postgres/session.hpp"
#include "daemon/collect/rules.hpp"

namespace tally::api {

struct NumberName {
    std::string user_id, platform, account_id, source, metric;
    Day day;
};

/// {"user_id", …, "number", "state", "asked_at", "request", "run", "earlier"}: the number (null: there is none), what
/// is known of the day (one of the words of coverage; null: the connection is gone), the request that asks for it as
/// the platform file has it now, without secrets, the run that stored it (null: its log was dropped), and the values
/// before, the newest first. Blocking.
/// @throws Error (missing) when there is neither such a number nor such a connection, or the platform has no such
/// metric
nlohmann::json explain(const collect::Rules& rules, postgres::Session& session, const NumberName& name, Instant now);

}  // namespace tally::api
