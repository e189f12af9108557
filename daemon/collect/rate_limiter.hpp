// SPDX-License-Identifier: Apache-2.0
// Paces requests so that a platform's stated limits are met by waiting, not by being refused.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <unordered_map>

#include "daemon/platform/platform.hpp"
#include "daemon/platform/target.hpp"

namespace tally::collect {

/// The earliest moment of the next request under one limit, as the generic cell rate algorithm keeps it: one time stamp
/// a limit, a burst of up to `requests` after idleness, then one request each per/requests.
class Pace {
public:
    using Clock = std::chrono::steady_clock;
    /// When a request that is wanted at `now` may be sent; reserves it.
    Clock::time_point reserve(Clock::time_point now, unsigned requests, std::chrono::milliseconds per);
    bool idle(Clock::time_point now) const noexcept { return full_at_ <= now; }

private:
    Clock::time_point full_at_{};  ///< when the burst allowance is whole again
};

/// One node's share of every limit. Use from the executor's thread only.
class RateLimiter {
public:
    explicit RateLimiter(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
    /// Suspends until a request for this target may be sent under all limits of the platform.
    boost::asio::awaitable<void> acquire(const platform::Platform& platform, const platform::Target& target);

private:
    void forget_idle(Pace::Clock::time_point now);

    boost::asio::any_io_executor executor_;
    std::unordered_map<std::string, Pace> paces_;  // "platform/scope/key"
    std::size_t sweep_at_ = 1024;                  // paces_ is swept of idle entries when it has grown to this size
};

}  // namespace tally::collect
