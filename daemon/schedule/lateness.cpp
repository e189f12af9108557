// SPDX-License-Identifier: Apache-2.0
// Buckets and percentiles.
#include "daemon/schedule/lateness.hpp"

#include <algorithm>
#include <numeric>

namespace tally::schedule {

std::size_t lateness_bucket(std::chrono::milliseconds late) noexcept {
    const auto bound = std::find_if(kLatenessBounds.begin(), kLatenessBounds.end(),
                                    [&](std::int64_t end) { return late <= std::chrono::seconds{end}; });
    return static_cast<std::size_t>(bound - kLatenessBounds.begin());
}

std::optional<double> lateness_percentile(const LatenessCounts& counts, double part) {
    const auto total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    if (total == 0) return std::nullopt;
    const auto wanted = part * static_cast<double>(total);
    double below = 0;
    for (std::size_t i = 0; i < kLatenessBounds.size(); ++i) {
        const auto here = static_cast<double>(counts[i]);
        const auto start = i == 0 ? 0.0 : static_cast<double>(kLatenessBounds[i - 1]);
        const auto end = static_cast<double>(kLatenessBounds[i]);
        if (here > 0 && below + here >= wanted) return start + (end - start) * std::max(0.0, wanted - below) / here;
        below += here;
    }
    return static_cast<double>(kLatenessBounds.back());
}

std::optional<double> lateness_part(const LatenessCounts& counts, std::chrono::seconds late) {
    const auto total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    if (total == 0) return std::nullopt;
    double within = 0, start = 0;
    for (std::size_t i = 0; i < kLatenessBounds.size(); ++i) {
        const auto end = static_cast<double>(kLatenessBounds[i]), limit = static_cast<double>(late.count());
        if (limit > start) within += static_cast<double>(counts[i]) * std::min(1.0, (limit - start) / (end - start));
        start = end;
    }
    return within / static_cast<double>(total);
}

}  // namespace tally::schedule
