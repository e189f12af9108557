// SPDX-License-Identifier: Apache-2.0
// A column a metric: the numbers of a day put side by side.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/export_row.hpp"

namespace tally::cli {

constexpr std::size_t kWideKeys = 5;          ///< user_id, platform, account_id, source, date
constexpr std::size_t kWideFields = 7;        ///< of the statement `export_by_day`: those, metric and value
constexpr std::size_t kMostMetrics = 10'000;  ///< that become columns

/// The five columns of the key, then the metrics.
/// @throws Error (failed) when there are too many, or one is called like a column of the key
Columns wide_columns(const std::vector<std::string>& metrics);

/// Gathers numbers into rows; holds one row.
class WideRows {
public:
    /// @param metrics in order, byte by byte, each once  @param emit takes a row of wide_columns(), valid during the
    /// call
    WideRows(std::vector<std::string> metrics, std::function<void(Fields)> emit);

    /// @param number of `export_by_day`, in its order. @throws Error (internal) when its metric is unknown
    void add(Fields number);
    /// Call it once, behind the last number.
    void finish();

private:
    bool is_same_day(Fields number) const noexcept;
    void begin(Fields number);

    std::vector<std::string> metrics_;
    std::function<void(Fields)> emit_;
    std::array<std::string, kWideKeys> key_;
    std::vector<std::string> values_;  // keep their memory from row to row
    std::vector<Field> row_;
    std::size_t next_ = 0;  // metrics of a day come in the order of the columns
    bool begun_ = false;
};

}  // namespace tally::cli
