// SPDX-License-Identifier: Apache-2.0
// Routes of health, status, runs and users.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "daemon/api/http.hpp"
#include "daemon/api/parts.hpp"

namespace tally::api {

/// Use from the executor's thread only; must outlive the server that its routes are given to.
class Control {
public:
    explicit Control(Parts parts) : parts_(parts), look_(parts_.executor) {}

    void add_to(Router& router);

private:
    using Answer = boost::asio::awaitable<Response>;

    /// What is asked of the database for GET /api/health; one look at a time, whoever asks meanwhile waits for it.
    struct Look {
        explicit Look(const boost::asio::any_io_executor& executor) : ended(executor) {}

        bool under_way = false;
        std::chrono::steady_clock::time_point began;
        boost::asio::steady_timer ended;  ///< cancelled when it ends; expires when nobody shall wait any longer
        nlohmann::json seen;              ///< by the last one that succeeded; null: none has
        std::string trouble;              ///< of the last one; empty: none
        std::chrono::duration<double, std::milli> took{0};
    };
    boost::asio::awaitable<void> look();
    void begin_look();
    Answer health();
    Answer status();
    Answer metrics(const Request& request);
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
    Look look_;
};

}  // namespace tally::api
