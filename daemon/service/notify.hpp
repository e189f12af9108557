// SPDX-License-Identifier: Apache-2.0
// What the daemon tells its service manager. Without one every call does nothing. Any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace tally::service {

void notify_ready(const std::string& status);
void notify_reloading();
/// @param most the end may take so long; the unit's own time-out may be longer
void notify_stopping(const std::string& status, std::chrono::seconds most);
void notify_status(const std::string& status);
void notify_watchdog();

/// How long the service manager waits for notify_watchdog(); nullopt: it does not.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace tally::service
