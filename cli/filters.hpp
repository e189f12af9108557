// SPDX-License-Identifier: Apache-2.0
// Lists of names and patterns on the command line, as PostgreSQL takes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/command_table.hpp"

namespace tally::cli {

/// A text as the literal of an array with one element.
std::string array_of(std::string_view text);

/// The words of an option's list with commas as the literal of an array; nullopt: no such option. @param globs words are
/// patterns with * and ?, which become those of LIKE @throws Error (usage) when a word is empty
std::optional<std::string> read_list(const Arguments& arguments, std::string_view option, bool globs);

}  // namespace tally::cli
