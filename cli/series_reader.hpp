// SPDX-License-Identifier: Apache-2.0
// Series straight from the database, one at a time, in constant memory.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/copy_out.hpp"
#include "common/analysis/series.hpp"

namespace tally::cli {

/// What is wanted; lists are literals of arrays (see filters.hpp), nullopt: all.
struct SeriesFilter {
    std::optional<std::string> users, tiers, platforms, accounts, sources, metrics;
    DayRange days;
    bool broken_down = false;  ///< metrics with dimensions, too; those that `metrics` names always are
};

/// In the order of user, platform, account, source and metric. @throws Error as CopySource does
void read_series(CopySource& source, const SeriesFilter& filter,
                 const std::function<void(const analysis::Series&)>& consume);

}  // namespace tally::cli
