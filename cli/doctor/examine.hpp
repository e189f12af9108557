// SPDX-License-Identifier: Apache-2.0
// Looks at everything that tally needs, in the order in which one thing rests on another.
#pragma once

#include <optional>
#include <string>

#include "cli/doctor/finding.hpp"

namespace tally::doctor {

/// Changes nothing, starts nothing, and goes on after whatever is broken: what cannot be looked at is a skipped
/// finding. Blocks for seconds at most, each look with a limit of its own.
/// @param config_path as in config::load()
Findings examine(const std::optional<std::string>& config_path);

}  // namespace tally::doctor
