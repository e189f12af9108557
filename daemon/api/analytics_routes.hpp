// SPDX-License-Identifier: Apache-2.0
// Routes for dashboards: a user's numbers over time. Documented in etc/openapi.yaml.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/api/http.hpp"
#include "daemon/api/parts.hpp"

namespace tally::api {

struct Question;

/// Each answers for one user, whom the query names; nothing of another one is in it. Use from the executor's thread
/// only; must outlive the router.
class AnalyticsRoutes {
public:
    explicit AnalyticsRoutes(Parts parts) : parts_(parts) {}
    void add_to(Router& router);

private:
    using Answer = boost::asio::awaitable<Response>;

    /// What a route tells of the numbers that its query asks about.
    using Tell = nlohmann::json (*)(postgres::Session&, const Question&);
    Answer answer(const Request& request, Tell tell, bool broken_down);
    Answer jobs(const Request& request);
    Answer explain(const Request& request);

    Parts parts_;
};

}  // namespace tally::api
