// SPDX-License-Identifier: Apache-2.0
// Peer credentials of the Unix socket.
#include "daemon/api/peer.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <vector>

namespace tally::api {

namespace {

constexpr const char* kGroup = "tally";

std::optional<gid_t> tally_group() {
    std::vector<char> buffer(16'384);
    group entry{};
    group* found = nullptr;
    if (getgrnam_r(kGroup, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return std::nullopt;
    return entry.gr_gid;
}

bool in_group(uid_t uid, gid_t wanted) {
    std::vector<char> buffer(16'384);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return false;
    int count = 256;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    if (getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0) {
        groups.resize(static_cast<std::size_t>(count));
        if (getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0) return false;
    }
    return std::find(groups.begin(), groups.begin() + count, wanted) != groups.begin() + count;
}

/// The groups of the process at the other end. Under PrivateUsers= its user has no name here, but our group has.
bool peer_in_group(int socket_fd, gid_t wanted) {
    std::vector<gid_t> groups(256);
    socklen_t size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
        if (errno != ERANGE) return false;
        groups.resize(size / sizeof(gid_t));
        if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) return false;
    }
    groups.resize(size / sizeof(gid_t));
    return std::find(groups.begin(), groups.end(), wanted) != groups.end();
}

bool belongs_to(const std::string& path, gid_t group) {
    struct stat file {};
    return stat(path.c_str(), &file) == 0 && file.st_gid == group;
}

}  // namespace

bool peer_allowed(int socket_fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    if (peer.uid == 0 || peer.uid == geteuid()) return true;
    const auto group = tally_group();
    return group && (peer.gid == *group || peer_in_group(socket_fd, *group) || in_group(peer.uid, *group));
}

void restrict_socket(const std::string& path) {
    const auto group = tally_group();
    // Only root or a member may hand the file to the group; otherwise it stays ours alone. As the service it is the
    // group's from the beginning, and the unit's filter knows no chown.
    const bool shared = group && (belongs_to(path, *group) || chown(path.c_str(), static_cast<uid_t>(-1), *group) == 0);
    if (chmod(path.c_str(), shared ? 0660 : 0600) != 0)
        throw std::system_error(errno, std::generic_category(), "chmod " + path);
}

}  // namespace tally::api
