// SPDX-License-Identifier: Apache-2.0
// Helix' points: a bucket for each client and user that refills steadily, shown in every answer.
#pragma once

#include "call.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>

namespace sim {

class TwitchMeter {
public:
    /// Takes a point and answers, or refuses if the bucket is empty.
    Reply answer(const Call& call);
    /// All buckets are full again.
    void reset() { buckets_.clear(); }

private:
    struct Bucket {
        std::int64_t missing = 0;  ///< parts of a point, kPart to the point
        Instant seen{};
    };
    std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace sim
