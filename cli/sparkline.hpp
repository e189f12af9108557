// SPDX-License-Identifier: Apache-2.0
// A row of small bars.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tally::cli {

/// One sign a value, from the smallest to the largest; one that is missing is a dot. Equal values are bars of middle
/// height. @param blocks Unicode, else ASCII
std::string sparkline(const std::vector<std::optional<double>>& values, bool blocks);

/// So many values at most: neighbours become their mean, of those that are known.
std::vector<std::optional<double>> condense(const std::vector<std::optional<double>>& values, std::size_t most);

}  // namespace tally::cli
