// SPDX-License-Identifier: Apache-2.0
// sd_notify messages.
#include "daemon/service/notify.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <cstdint>

namespace tally::service {

namespace {

void notify(const std::string& state) {
    (void)sd_notify(0, state.c_str());
}

}  // namespace

void notify_ready(const std::string& status) {
    notify(fmt::format("READY=1\nSTATUS={}", status));
}

void notify_reloading() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000L + now.tv_nsec / 1'000));
}

void notify_stopping(const std::string& status, std::chrono::seconds most) {
    notify(
        fmt::format("STOPPING=1\nEXTEND_TIMEOUT_USEC={}\nSTATUS={}", std::chrono::microseconds{most}.count(), status));
}

void notify_status(const std::string& status) {
    notify(fmt::format("STATUS={}", status));
}

void notify_watchdog() {
    notify("WATCHDOG=1");
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    std::uint64_t interval = 0;
    if (sd_watchdog_enabled(0, &interval) <= 0) return std::nullopt;
    return std::chrono::microseconds{interval};
}

}  // namespace tally::service
