// SPDX-License-Identifier: Apache-2.0
// Routes of connections: what is registered, whether it works, and how people log in.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

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
    Answer explain_wait(const Request& request);
    Answer put_connection(const Request& request);
    Answer delete_connection(const Request& request);
    Answer pause_connection(const Request& request);
    Answer resume_connection(const Request& request);
    Answer check_connection(const Request& request);
    Answer check_metrics(const Request& request);
    Answer begin_login(const Request& request);
    Answer finish_login(const Request& request);

    /// A connection that may be asked beside its runs: leased while nobody serves it, so that its token can be renewed.
    struct Visit;
    template <class Work>
    boost::asio::awaitable<nlohmann::json> visit(store::ConnectionName name, Work work);
    boost::asio::awaitable<std::map<std::string, std::string>> attributes_for_login(store::ConnectionName name,
                                                                                    nlohmann::json body);
    boost::asio::awaitable<nlohmann::json> one_connection(store::ConnectionName name);

    Parts parts_;
};

}  // namespace tally::api
