// SPDX-License-Identifier: Apache-2.0
// The secrets that a configuration names.
#pragma once

#include <vector>

#include "common/config/config.hpp"

namespace tally::cli {

/// Those that are set, in the order of the table of options. Nothing is read.
std::vector<config::SecretRef> secrets_of(const config::Config& config);

}  // namespace tally::cli
