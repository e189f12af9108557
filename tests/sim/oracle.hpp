// SPDX-License-Identifier: Apache-2.0
// What a perfect collector holds of an account: computed from the truth, never from an answer.
#pragma once

#include "world.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <variant>

namespace sim {

struct OracleRow {
    std::string_view source;  ///< social_media, or ads
    std::string metric;
    Day day;
    std::variant<std::int64_t, double> value;
};

struct OracleAsk {
    Account account;
    Day from, to;  ///< both inclusive
    Instant at;    ///< when the collector asked last
};

/// Rows come by day, then the "now" counters of the day of `at`. Metrics removed by command have none; revoked tokens
/// change nothing here.
void consult_oracle(const World& world, const OracleAsk& ask, const std::function<void(OracleRow)>& row);

}  // namespace sim
