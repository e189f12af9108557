// SPDX-License-Identifier: Apache-2.0
// Reads what the database knows of the days of connections.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/postgres/session.hpp"
#include "daemon/platform/coverage.hpp"
#include "daemon/platform/knowledge.hpp"

namespace tally::store {

/// By connection id; connections of which nothing is known are absent.
std::map<std::int64_t, platform::Coverage> read_coverage(const postgres::Result& rows);

/// A metric (empty: the whole request) that the platform refuses.
struct RefusedMetric {
    std::string request, metric, code, message;
    bool everywhere = false;  ///< to all connections
    Instant since;
};

/// A connection with what is known of its days.
struct CoveredConnection {
    std::int64_t connection_id = 0;
    std::string platform, account_id, state;
    std::map<std::string, std::string> attributes;
    Instant created_at;
    platform::Coverage coverage;
    std::vector<RefusedMetric> refused;
};

struct CoveredFilter {
    std::string user_id;
    std::optional<std::string> platform, account_id;
    std::optional<std::int64_t> after;  ///< a connection id
    int limit = 50;
};
/// In the order of their ids.
std::vector<CoveredConnection> covered_connections(postgres::Transaction& transaction, const CoveredFilter& filter);

/// The days in `range` on which the account has numbers of these metrics, broken down or not.
platform::NumberDays load_number_days(postgres::Transaction& transaction, const std::string& user_id,
                                      const std::string& account_id, const platform::Platform& of,
                                      const platform::MetricSets& metrics, DayRange range);

/// What is known of each day of the connection's metrics, the zone being UTC as long as it is not known. What it gives
/// refers to the platform.
std::vector<platform::MetricDays> known_days(postgres::Transaction& transaction, const platform::Platform& platform,
                                             const std::string& user_id, const CoveredConnection& connection,
                                             DayRange range, Instant now);

/// All connections of a platform and a tier. Days are those of all requests together; settled ones are final or empty.
struct CoverageTotal {
    std::string platform, tier;
    std::int64_t connections = 0;
    std::int64_t days = 0, settled = 0, refused = 0, gaps = 0;
    bool estimated = false;  ///< days are projected from some of the connections
};

/// The days of a request that every connection of a platform should know.
struct WantedDays {
    const platform::Platform* platform = nullptr;
    const platform::Request* request = nullptr;
    DayRange days;
};

/// Counted in the database. Of each platform and tier about `most` connections are looked at, so that the cost is
/// bounded whatever their number. @param only this platform; nullopt: all
std::vector<CoverageTotal> coverage_totals(postgres::Transaction& transaction, const std::optional<std::string>& only,
                                           const std::vector<WantedDays>& wanted, std::int64_t most = 2'000);

}  // namespace tally::store
