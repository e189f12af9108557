// SPDX-License-Identifier: Apache-2.0
// From the words of the command line to a command and its arguments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command_table.hpp"

namespace tally::cli {

struct CommandLine {
    enum class Action { run, help, version };
    Action action = Action::run;
    const Command* command = nullptr;  ///< run: never null; help: null for the overview or a noun
    std::string noun;                  ///< help without command: the noun asked about; empty for the overview
    std::optional<std::string> config;
    bool json = false;
    Arguments arguments{{}};
};

/// @param words without the program's name
/// @throws Error (usage) with the nearest word or the usage line as hint
CommandLine parse_command_line(CommandTable table, const std::vector<std::string>& words);

}  // namespace tally::cli
