// SPDX-License-Identifier: Apache-2.0
// A leaky bucket a peer, as the moment at which it is empty.
#include "daemon/api/throttle.hpp"

#include <algorithm>

namespace tally::api {

std::chrono::seconds Throttle::wait(const std::string& peer, Clock::time_point now) const {
    const auto known = forgiven_at_.find(peer);
    if (known == forgiven_at_.end()) return std::chrono::seconds{0};
    const auto over = known->second - now - (kBurst - 1) * kForgive;
    return std::chrono::ceil<std::chrono::seconds>(std::max(over, Clock::duration::zero()));
}

void Throttle::failed(const std::string& peer, Clock::time_point now) {
    if (forgiven_at_.size() >= kMostPeers && !forgiven_at_.contains(peer)) {
        std::erase_if(forgiven_at_, [&](const auto& entry) { return entry.second <= now; });
        // As many at once are one attack: who failed least is let off first.
        if (forgiven_at_.size() >= kMostPeers)
            forgiven_at_.erase(std::min_element(forgiven_at_.begin(), forgiven_at_.end(),
                                                [](const auto& a, const auto& b) { return a.second < b.second; }));
    }
    auto& at = forgiven_at_[peer];
    at = std::max(at, now) + kForgive;
}

}  // namespace tally::api
