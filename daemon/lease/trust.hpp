// SPDX-License-Identifier: Apache-2.0
// Until when a node may believe that its leases are its own, without asking the database.
#pragma once

#include <chrono>
#include <ctime>
#include <functional>
#include <optional>

namespace tally::lease {

/// CLOCK_BOOTTIME: never set, and unlike the steady clock it goes on while the machine sleeps.
struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;
};
using BootTime = BootClock::time_point;

inline BootTime boot_time() {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return BootTime{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

/// A heartbeat that the database took gives trust from the moment *before* it was sent until its time to live has
/// passed, less a margin. Measured by a clock that goes on while the machine sleeps: a node that was stopped or slept
/// past its lease knows it at once, before it says anything to a platform that another node has said already. Use from
/// one thread.
class Trust {
public:
    using Clock = std::function<BootTime()>;
    explicit Trust(std::chrono::milliseconds time_to_live, Clock clock = boot_time)
        : time_to_live_(time_to_live - time_to_live / 10), clock_(std::move(clock)) {}

    BootTime now() const { return clock_(); }
    void renew(BootTime sent) { until_ = sent + time_to_live_; }
    bool holds() const { return until_ && clock_() < *until_; }

private:
    std::chrono::milliseconds time_to_live_;
    Clock clock_;
    std::optional<BootTime> until_;
};

}  // namespace tally::lease
