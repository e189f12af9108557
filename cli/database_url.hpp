// SPDX-License-Identifier: Apache-2.0
// Which database the commands that do without the daemon speak to.
#pragma once

#include <string>

#include "common/config/config.hpp"

namespace tally::cli {

/// For reading numbers: `database.reader_url`, else `database.url`, else the private cluster. May hold a password.
/// @throws Error (unreachable) when the private cluster does not run, (config) when a secret cannot be read
std::string reader_url(const config::Config& config);

/// For the schema: `database.url`, else the private cluster as its owner. @throws the same
std::string admin_url(const config::Config& config);

}  // namespace tally::cli
