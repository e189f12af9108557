// SPDX-License-Identifier: Apache-2.0
// How often somebody may give a wrong secret.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace tally::api {

/// Each peer may fail kBurst times, and once more every kForgive. Peers that are remembered are bounded. Pure: the
/// clock is given.
class Throttle {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr int kBurst = 60;
    static constexpr std::chrono::seconds kForgive{1};
    static constexpr std::size_t kMostPeers = 10'000;

    /// How long a peer has to wait before it is listened to again; zero: not at all.
    std::chrono::seconds wait(const std::string& peer, Clock::time_point now) const;
    void failed(const std::string& peer, Clock::time_point now);

private:
    std::map<std::string, Clock::time_point> forgiven_at_;  // when all its failures are
};

}  // namespace tally::api
