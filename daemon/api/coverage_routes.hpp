// SPDX-License-Identifier: Apache-2.0
// What is known of each day of connections, over HTTP.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/api/http.hpp"
#include "daemon/api/parts.hpp"
#include "daemon/platform/catalog.hpp"

namespace tally::api {

struct CoverageQuery {
    std::optional<std::string> user, platform, account;
    std::optional<std::int64_t> after;  ///< a connection id: the page begins behind it
    DayRange days;
};
/// user, platform, account, from, to (both ends included; default: the last 30 days), after. @throws Error (usage)
CoverageQuery read_coverage_query(const Request& request, Instant now);

/// With a user {"from", "to", "connections", "next"}: stretches of days per request. Without one {"from", "to",
/// "groups"}: counts per platform and tier. Blocking. @throws Error (missing) when what is named does not exist
nlohmann::json coverage_json(const platform::Catalog& catalog, postgres::Session& session, const CoverageQuery& query,
                             Instant now);

/// Use from the executor's thread only; must outlive the router.
class CoverageRoutes {
public:
    explicit CoverageRoutes(Parts parts) : parts_(parts) {}
    void add_to(Router& router);

private:
    boost::asio::awaitable<Response> show(const Request& request);

    Parts parts_;
};

}  // namespace tally::api
