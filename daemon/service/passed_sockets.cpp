// SPDX-License-Identifier: Apache-2.0
// The descriptors of sd_listen_fds().
#include "daemon/service/passed_sockets.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "common/error.hpp"

namespace tally::service {

namespace {

bool is_ours(int descriptor) {
    for (const int family : {AF_INET, AF_INET6, AF_UNIX}) {
        if (sd_is_socket(descriptor, family, SOCK_STREAM, 1) > 0) return true;
    }
    return false;
}

}  // namespace

std::vector<int> take_passed_sockets() {
    std::vector<int> sockets;
    const int count = sd_listen_fds(1);
    for (int descriptor = SD_LISTEN_FDS_START; descriptor < SD_LISTEN_FDS_START + count; ++descriptor) {
        if (!is_ours(descriptor))
            throw Error(Fault::config,
                        fmt::format("descriptor {} of the service manager is no listening stream socket", descriptor),
                        "A socket unit of tallyd has ListenStream= with Accept=no, and nothing else.");
        sockets.push_back(descriptor);
    }
    return sockets;
}

}  // namespace tally::service
