// SPDX-License-Identifier: Apache-2.0
// Listening sockets that the service manager opened and passed on (socket activation).
#pragma once

#include <vector>

namespace tally::service {

/// Their descriptors, which now belong to the caller; empty without any. A second call gives none. Call before other
/// threads run: it changes the environment. @throws Error (config) when one is no listening stream socket
std::vector<int> take_passed_sockets();

}  // namespace tally::service
