// SPDX-License-Identifier: Apache-2.0
// Who may speak on the daemon's Unix socket.
#pragma once

#include <sys/types.h>

#include <string>

namespace tally::api {

/// root, the daemon's own user, and members of the group `tally`.
bool peer_allowed(int socket_fd);

/// Makes the socket file usable for exactly those: mode 0660 and group `tally` where that group exists, else 0600.
void restrict_socket(const std::string& path);

}  // namespace tally::api
