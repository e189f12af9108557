// SPDX-License-Identifier: Apache-2.0
// Starts PostgreSQL's programs as another system user.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace tally::postgres {

/// Who a child runs as.
struct SystemUser {
    uid_t uid;
    gid_t gid;
    std::string name;
    std::vector<gid_t> groups;

    /// Ourselves; as root the named user, or the first of tally, postgres, nobody that exists.
    /// @throws Error (config) when a named user does not exist or is root
    static SystemUser choose(const std::string& name);
    bool is_us() const noexcept;
};

struct Child {
    std::vector<std::string> command;  ///< the program's absolute path first
    std::string output;                ///< file that takes stdout and stderr; made new
    bool own_session = false;          ///< keeps a terminal's Ctrl-C away
    bool die_with_starter = false;
};

/// Starts it as that user, in the root directory, with our environment but libpq's variables.
/// @throws Error (failed) when it cannot be started
pid_t start(const Child& child, const SystemUser& user);

/// Waits for it. @returns the exit code, or 128 + the signal
int wait_for(pid_t process);

/// The first directory on the way to `path` that the user cannot pass through; nullopt when the way is free.
std::optional<std::string> first_closed_directory(const std::string& path, const SystemUser& user);

}  // namespace tally::postgres
