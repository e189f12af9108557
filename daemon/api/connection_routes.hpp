// SPDX-License-Identifier: Apache-2.0
// Routes of connections: what is registered, whether it works, and how people log in.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/api/http.hpp"
#include "daemon/api/parts.hpp"

namespace tally::api {

/// Use from the executor's thread only; must outlive the router.
class ConnectionRoutes {
public:
    explicit ConnectionRoutes(Parts parts) : parts_(parts) {}
    void add_to(Router& router);

private:
    using Answer = boost::asio::awaitable<Response>;

    Answer list_connections(const Request& request);
    Answer show_connection(const Request& request);
    Answer put_connection(const Request& request);
    Answer delete_connection(const Request& request);
    Answer pause_connection(const Request& request);
    Answer resume_connection(const Request& request);
    Answer check_connection(const Request& request);

    boost::asio::awaitable<nlohmann::json> one_connection(store::ConnectionName name);

    Parts parts_;
};

}  // namespace tally::api
