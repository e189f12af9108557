// SPDX-License-Identifier: Apache-2.0
// Routes of what concerns platforms as a whole: quarantined metrics, budgets, the load to come.
#pragma once

#include "daemon/api/http.hpp"
#include "daemon/api/parts.hpp"

namespace tally::api {

/// Use from the executor's thread only; must outlive the router.
class PlatformRoutes {
public:
    explicit PlatformRoutes(Parts parts) : parts_(parts) {}
    void add_to(Router& router);

private:
    using Answer = boost::asio::awaitable<Response>;

    Answer list_quarantine(const Request& request);
    Answer list_budgets(const Request& request);
    Answer load();

    Parts parts_;
};

}  // namespace tally::api
