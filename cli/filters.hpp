// SPDX-License-Identifier: Apache-2.0
// Lists of names and patterns on the command line, as PostgreSQL takes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_table.hpp"

namespace tally::cli {

/// The words of an option's list with commas; empty: no such option. @throws Error (usage) when a word is empty
std::vector<std::string> read_list(const Arguments& arguments, std::string_view option);

/// The literal of an array; nullopt for none.
std::optional<std::string> array_of(const std::vector<std::string>& words);
/// The same of patterns with * and ?, as patterns of LIKE.
std::optional<std::string> pattern_array(std::vector<std::string> globs);

}  // namespace tally::cli
