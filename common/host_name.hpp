// SPDX-License-Identifier: Apache-2.0
// What this machine is called.
#pragma once

#include <string>

namespace tally {

/// "localhost" when the machine has no name.
std::string host_name();

}  // namespace tally
