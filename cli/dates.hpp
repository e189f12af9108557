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

/// What --from and --to say, or --last; either may be open.
struct DateOptions {
    std::optional<Day> from;  ///< inclusive
    std::optional<Day> to;    ///< inclusive
};

/// @param today in UTC, so that a command means the same on every machine
/// @throws Error (usage) when a date is none, or `from` lies after `to`
DateOptions read_dates(const Arguments& arguments, Day today);

/// An option that is a moment: RFC 3339, or a date, whose first moment in UTC it is. @throws Error (usage)
std::optional<Instant> read_time(const Arguments& arguments, std::string_view option, Day today);

}  // namespace tally::cli
