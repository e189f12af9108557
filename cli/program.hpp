// SPDX-License-Identifier: Apache-2.0
// The program around the command table: help, dispatch, and the one bridge from errors to exit codes.
#pragma once

#include "cli/command_table.hpp"

namespace tally::cli {

/// @returns the exit code; never throws. SIGPIPE must be ignored.
int run_program(CommandTable table, int argc, const char* const* argv) noexcept;

}  // namespace tally::cli
