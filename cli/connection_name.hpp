// SPDX-License-Identifier: Apache-2.0
// How the command line names a connection: USER PLATFORM [--account ID].
#pragma once

#include <string>
#include <vector>

#include "cli/context.hpp"

namespace tally::cli {

struct ConnectionName {
    std::string user, platform, account;
    std::string text() const { return user + " " + platform + " " + account; }
    /// The API's path; @param action "pause", "resume", "check", or empty
    std::string path(const std::string& action = {}) const;
};

/// Which of a user's accounts is meant when none is named. @throws Error (missing) when there is none, (usage) when
/// there are several
std::string choose_account(const std::string& user, const std::string& platform,
                           const std::vector<std::string>& accounts);

/// Asks the daemon when --account is left out.
ConnectionName read_connection(Context& context, const Arguments& arguments);

}  // namespace tally::cli
