// SPDX-License-Identifier: Apache-2.0
// Routes of duties, and of everything that has a schedule.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "daemon/api/http.hpp"
#include "daemon/api/parts.hpp"
#include "daemon/duty/runner.hpp"

namespace tally::api {

/// Use from the executor's thread only; must outlive the router.
class DutyRoutes {
public:
    DutyRoutes(Parts parts, duty::Runner& runner) : parts_(parts), runner_(runner) {}
    void add_to(Router& router);

private:
    using Answer = boost::asio::awaitable<Response>;

    Answer list();
    Answer run(const Request& request);
    Answer scheduler_status();

    Parts parts_;
    duty::Runner& runner_;
};

/// How the scheduler's status writes a cron line: "0 2 * * *" is "cron[hour='2', minute='0']".
std::string cron_trigger(std::string_view line);
/// The same for an interval: "interval[0:15:00]", "interval[1 day, 0:00:00]".
std::string interval_trigger(std::chrono::seconds interval);

}  // namespace tally::api
