// SPDX-License-Identifier: Apache-2.0
// Routes for dashboards: a user's numbers over time. Documented in etc/openapi.yaml.
#pragma once

#include "daemon/api/http.hpp"
#include "daemon/api/parts.hpp"

namespace tally::api {

/// Each answers for one user, whom the query names; nothing of another one is in it. Use from the executor's thread
/// only; must outlive the router.
class AnalyticsRoutes {
public:
    explicit AnalyticsRoutes(Parts parts) : parts_(parts) {}
    void add_to(Router& router);

private:
    using Answer = boost::asio::awaitable<Response>;

    Answer overview(const Request& request);
    Answer charts(const Request& request);
    Answer detailed(const Request& request);
    Answer growth(const Request& request);
    Answer content(const Request& request);
    Answer jobs(const Request& request);
    Answer explain(const Request& request);

    Parts parts_;
};

}  // namespace tally::api
