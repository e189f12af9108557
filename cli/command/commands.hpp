// SPDX-License-Identifier: Apache-2.0
// The table of all commands.
#pragma once

#include "cli/command_table.hpp"

namespace tally::cli {

/// Grouped by noun, in the order in which help lists them. Static storage.
CommandTable commands();

}  // namespace tally::cli
