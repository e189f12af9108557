// SPDX-License-Identifier: Apache-2.0
// Rows for the numbers that are wanted and not there, put between those that are.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/export_row.hpp"
#include "common/time.hpp"
#include "daemon/platform/knowledge.hpp"

namespace tally::cli {

/// The days of a metric, from the account's first one on. nullopt: nothing is missing whatever the rows say.
struct WantedMetric {
    std::string metric;
    std::vector<std::optional<platform::Knowledge>> days;
};

/// What is wanted of one account. Holds for the rows of its key.
struct WantedAccount {
    std::string user_id, platform, account_id, source;
    Day first;
    std::vector<WantedMetric> metrics;  ///< in order, byte by byte, each once
};

/// The columns of an export, and the state of the number.
Columns columns_with_state();

/// Why there is no number. An answer that names other metrics but not this one says that there is none, so far or for
/// good.
platform::Knowledge absence_of(platform::Knowledge day) noexcept;

/// Merges rows with what is wanted, both in key order; holds one account.
class MissingRows {
public:
    using Next = std::function<std::optional<WantedAccount>()>;
    /// @param next the accounts in key order, then nullopt  @param emit takes a row of columns_with_state(), valid
    /// during the call
    MissingRows(Next next, std::function<void(Fields)> emit);

    /// @param row of `export_snapshots`
    void add(Fields row);
    /// Call it once, behind the last row.
    void finish();

private:
    void load();
    int compare(Fields row) const noexcept;
    void emit_before(std::string_view metric, std::optional<Day> day);
    void emit_missing(const WantedMetric& metric, Day day, platform::Knowledge state);

    Next next_;
    std::function<void(Fields)> emit_;
    std::optional<WantedAccount> account_;  // nullopt: there are no more
    std::size_t metric_ = 0, day_ = 0;      // what comes next of it
    std::vector<Field> row_;
    std::string date_;
};

}  // namespace tally::cli
