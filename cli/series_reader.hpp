// SPDX-License-Identifier: Apache-2.0
// Series straight from the database, one at a time, in constant memory.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/analysis/series.hpp"

namespace tally::cli {

/// What is wanted; lists are literals of arrays (see filters.hpp), nullopt: all.
struct SeriesFilter {
    std::optional<std::string> users, tiers, platforms, accounts, sources, metrics;
    DayRange days;
    bool broken_down = false;  ///< metrics with dimensions, too
};

/// In the order of user, platform, account, source and metric. @throws Error as copy_out() does
void read_series(const std::string& url, const SeriesFilter& filter,
                 const std::function<void(const analysis::Series&)>& consume);

/// One column of COPY's text format, decoded. @param line with its newline
std::string decode_copied_text(std::string_view line);

}  // namespace tally::cli
