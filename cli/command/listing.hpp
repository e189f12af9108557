// SPDX-License-Identifier: Apache-2.0
// How objects of the API are laid out as text, shared by the nouns.
#pragma once

#include <string_view>
#include <vector>

#include "cli/context.hpp"
#include "cli/text_table.hpp"

namespace tally::cli {

/// A table that writes to stdout.
TextTable make_table(Context& context, std::vector<Column> columns);

/// "name: value" lines; members that are absent or null are left out.
void print_members(Context& context, const Json& object, const std::vector<std::string_view>& names);

TextTable make_connection_table(Context& context);
void add_connection_row(TextTable& table, const Json& connection);

TextTable make_job_table(Context& context);
void add_job_row(TextTable& table, const Json& job);

/// A state as a tone: what needs a human is bad, what waits is a warning.
Tone tone_of_state(std::string_view state) noexcept;

}  // namespace tally::cli
