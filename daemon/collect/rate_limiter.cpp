// SPDX-License-Identifier: Apache-2.0
// RateLimiter: a pace for each app, token and account of each platform.
#include "daemon/collect/rate_limiter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>

namespace tally::collect {

Pace::Clock::time_point Pace::reserve(Clock::time_point now, unsigned requests, std::chrono::milliseconds per) {
    const auto period = std::chrono::duration_cast<Clock::duration>(per);
    const auto interval = period / std::max(requests, 1U);
    const auto filled = std::max(full_at_, now) + interval;
    full_at_ = filled;
    return std::max(now, filled - period);
}

void RateLimiter::forget_idle(Pace::Clock::time_point now) {
    if (paces_.size() < sweep_at_) return;
    std::erase_if(paces_, [&](const auto& entry) { return entry.second.idle(now); });
    sweep_at_ = std::max<std::size_t>(1024, paces_.size() * 2);
}

boost::asio::awaitable<void> RateLimiter::acquire(const platform::Platform& platform, const platform::Target& target) {
    const auto now = Pace::Clock::now();
    auto send_at = now;
    for (const auto& limit : platform.limits) {
        std::string key;
        switch (limit.scope) {
            case platform::RateLimit::Scope::app: {
                const auto app = target.attributes.find("app");
                key = fmt::format("{}/app/{}", platform.name, app == target.attributes.end() ? "" : app->second);
                break;
            }
            case platform::RateLimit::Scope::token:  // a hash: the map must not hold the token itself
                key = fmt::format("{}/token/{}", platform.name, std::hash<std::string>{}(target.access_token.reveal()));
                break;
            case platform::RateLimit::Scope::account:
                key = fmt::format("{}/account/{}", platform.name, target.account);
        }
        send_at = std::max(send_at, paces_[key].reserve(now, limit.requests, limit.per));
    }
    forget_idle(now);
    if (send_at > now) {
        boost::asio::steady_timer timer{executor_, send_at};
        co_await timer.async_wait(boost::asio::use_awaitable);
    }
}

}  // namespace tally::collect
