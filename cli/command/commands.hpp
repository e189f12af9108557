// SPDX-License-Identifier: Apache-2.0
// The table of all commands.
#pragma once

#include "cli/command_table.hpp"

namespace tally::cli {

/// Grouped by noun, in the order in which help lists them. Static storage.
CommandTable commands();

/// The part of it that is about numbers.
std::vector<Command> number_commands();

}  // namespace tally::cli
