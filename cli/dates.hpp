// SPDX-License-Identifier: Apache-2.0
// Dates as people write them on the command line.
#pragma once

#include <optional>
#include <string_view>

#include "cli/command_table.hpp"
#include "common/time.hpp"

namespace tally::cli {

/// "2026-11-21", "today" or "-30d" (that many days before today); nullopt for anything else.
std::optional<Day> parse_date(std::string_view text, Day today);

/// What --from and --to say; either may be open.
struct DateOptions {
    std::optional<Day> from;  ///< inclusive
    std::optional<Day> to;    ///< inclusive
};

/// @param today in UTC, so that a command means the same on every machine
/// @throws Error (usage) when a date is none, or `from` lies after `to`
DateOptions read_dates(const Arguments& arguments, Day today);

}  // namespace tally::cli
