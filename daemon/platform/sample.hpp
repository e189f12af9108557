// SPDX-License-Identifier: Apache-2.0
// One number of one account for one day, as an answer gave it.
#pragma once

#include <string>

#include "common/time.hpp"

namespace tally::platform {

struct Sample {
    std::string metric;    ///< the platform's own name; broken-down numbers are "views.media_product_type.reel"
    Day day;               ///< the platform's day, in the platform's (or the account's) own zone
    double value = 0;      ///< finite; money stays in micro-units
    std::string metadata;  ///< a JSON object as text: api, api_version, period, unit, …, final, fetched_at
    friend bool operator==(const Sample&, const Sample&) = default;
};

}  // namespace tally::platform
