// SPDX-License-Identifier: Apache-2.0
// sd_notify messages.
#include "daemon/service/notify.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>
#include <time.h>

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

void notify_stopping(const std::string& status) {
    notify(fmt::format("STOPPING=1\nSTATUS={}", status));
}

void notify_status(const std::string& status) {
    notify(fmt::format("STATUS={}", status));
}

}  // namespace tally::service
