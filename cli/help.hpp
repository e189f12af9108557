// SPDX-License-Identifier: Apache-2.0
// Help as text, from the command table.
#pragma once

#include <string>
#include <string_view>

#include "cli/command_table.hpp"

namespace tally::cli {

/// "tallyctl user add ID --tier TIER [--zone ZONE]"; null: the general form.
std::string usage_line(const Command* command);

std::string render_overview(CommandTable table);
std::string render_noun_help(CommandTable table, std::string_view noun);
std::string render_command_help(const Command& command);

}  // namespace tally::cli
