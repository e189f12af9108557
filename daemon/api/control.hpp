// SPDX-License-Identifier: Apache-2.0
// Routes of runs and users.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "daemon/api/http.hpp"
#include "daemon/api/parts.hpp"

namespace tally::api {

/// Use from the executor's thread only; must outlive the server that its routes are given to.
class Control {
public:
    explicit Control(Parts parts) : parts_(parts) {}

    void add_to(Router& router);

private:
    using Answer = boost::asio::awaitable<Response>;

    Answer trigger(const Request& request);
    Answer run_group(const Request& request);
    Answer list_users(const Request& request);
    Answer show_user(const Request& request);
    Answer put_user(const Request& request);
    Answer delete_user(const Request& request);
    Answer import_users(const Request& request);
    Answer list_jobs(const Request& request);
    Answer show_job(const Request& request);

    boost::asio::awaitable<nlohmann::json> retention_notes(store::TriggerScope scope);
    boost::asio::awaitable<nlohmann::json> dry_run(store::TriggerScope scope);

    void check_tier(const std::string& tier) const;

    Parts parts_;
};

}  // namespace tally::api
