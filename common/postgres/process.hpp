// SPDX-License-Identifier: Apache-2.0
// Runs a program to its end, as another user where asked, and keeps what it says.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace tally::postgres {

struct Account {
    uid_t uid;
    gid_t gid;
    std::string name;
};

std::optional<Account> find_account(const std::string& name);

struct Finished {
    int status = 0;      ///< exit status; 128 + signal when it was killed
    std::string output;  ///< both streams, the last 8 KiB
};

/// Waits for the program and closes all its inherited descriptors but the standard ones. The working directory is "/".
/// @param as nullopt: as ourselves @throws Error (failed) when it cannot be started at all
Finished run_program(const std::vector<std::string>& arguments, const std::optional<Account>& as);

}  // namespace tally::postgres
