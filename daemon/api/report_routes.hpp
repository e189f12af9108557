// SPDX-License-Identifier: Apache-2.0
// Weekly reports over HTTP: list, build, read and mail them.
#pragma once

#include "daemon/alert/courier.hpp"
#include "daemon/api/http.hpp"
#include "daemon/api/parts.hpp"

namespace tally::api {

/// Use from the executor's thread only; must outlive the router.
class ReportRoutes {
public:
    ReportRoutes(Parts parts, alert::Courier& courier) : parts_(parts), courier_(courier) {}
    void add_to(Router& router);

private:
    using Answer = boost::asio::awaitable<Response>;

    Answer list(const Request& request);
    Answer build(const Request& request);
    Answer read(const Request& request);
    Answer mail(const Request& request);

    Parts parts_;
    alert::Courier& courier_;
};

}  // namespace tally::api
