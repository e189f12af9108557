// SPDX-License-Identifier: Apache-2.0
// What an export may ask for: the days of the metrics that the platform files want of each connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/missing_rows.hpp"
#include "common/postgres/session.hpp"
#include "daemon/platform/catalog.hpp"
#include "daemon/store/coverage_rows.hpp"

namespace tally::cli {

/// Which connections, metrics and days. Array texts and dates are parameters of `export_connections`; nullopt: all.
struct WantedFilter {
    std::optional<std::string> users, tiers, platforms, accounts;  ///< arrays of names, or of LIKE patterns
    std::vector<std::string> sources, metrics;                     ///< globs; empty: all
    Day from;
    std::optional<Day> to;  ///< nullopt: the running day of each account
};

/// Reads one connection at a time, by a session of its own (the rows keep theirs busy) on the rows' snapshot: a number
/// stored in between would be told of as absent.
class WantedAccounts {
public:
    /// @param snapshot of CopySource::export_snapshot(), whose source must live on  @param catalog must outlive this
    /// @throws Error (unreachable) when nobody answers at `url`; next() throws the same
    WantedAccounts(const std::string& url, const std::string& snapshot, const platform::Catalog& catalog,
                   WantedFilter filter, Instant now);

    /// In key order; nullopt: that was all. Connections of which nothing is wanted are passed over.
    std::optional<WantedAccount> next();

    /// How far it is, from 0 to 1.
    double share() const noexcept;

private:
    bool fetch();
    std::vector<WantedMetric> metrics_of(const std::string& user, const platform::Platform& platform,
                                         const store::CoveredConnection& connection, const TimeZone& zone,
                                         DayRange range);

    const platform::Catalog& catalog_;
    const WantedFilter filter_;
    const Instant now_;
    postgres::Session session_;
    postgres::Transaction transaction_;
    std::int64_t total_ = 0, done_ = 0;
    std::optional<postgres::Result> page_;
    std::size_t row_ = 0;  // of the page
};

}  // namespace tally::cli
