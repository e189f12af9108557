// SPDX-License-Identifier: Apache-2.0
// A tier's schedule in words.
#pragma once

#include <string>

#include "common/config/config.hpp"

namespace tally::schedule {

/// "every 15m", "cron 0 2 * * *" or "cron external"
inline std::string describe(const config::Tier& tier) {
    return tier.every ? "every " + render_duration(*tier.every) : "cron " + tier.cron.value_or("");
}

}  // namespace tally::schedule
