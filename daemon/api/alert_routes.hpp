// SPDX-License-Identifier: Apache-2.0
// Routes of alerts, and of the ways on which they are told.
#pragma once

#include "daemon/alert/courier.hpp"
#include "daemon/api/http.hpp"
#include "daemon/api/parts.hpp"

namespace tally::api {

/// Use from the executor's thread only; must outlive the router.
class AlertRoutes {
public:
    AlertRoutes(Parts parts, alert::Courier& courier) : parts_(parts), courier_(courier) {}
    void add_to(Router& router);

private:
    using Answer = boost::asio::awaitable<Response>;

    Answer list(const Request& request);
    Answer acknowledge(const Request& request);
    Answer test();

    Parts parts_;
    alert::Courier& courier_;
};

}  // namespace tally::api
