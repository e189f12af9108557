// SPDX-License-Identifier: Apache-2.0
// What the daemon tells its service manager. Without one every call does nothing.
#pragma once

#include <string>

namespace tally::service {

void notify_ready(const std::string& status);
void notify_reloading();
void notify_stopping(const std::string& status);
void notify_status(const std::string& status);

}  // namespace tally::service
