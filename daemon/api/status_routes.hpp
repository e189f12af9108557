// SPDX-License-Identifier: Apache-2.0
// Routes that say how it is going: health, status, metrics.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/api/http.hpp"
#include "daemon/api/parts.hpp"

namespace tally::api {

/// Use from the executor's thread only; must outlive the server that its routes are given to.
class StatusRoutes {
public:
    explicit StatusRoutes(Parts parts) : parts_(parts), look_(parts_.executor) {}

    void add_to(Router& router);

private:
    using Answer = boost::asio::awaitable<Response>;

    /// What is asked of the database for GET /api/health; one look at a time, whoever asks meanwhile waits for it.
    struct Look {
        explicit Look(const boost::asio::any_io_executor& executor) : ended(executor) {}

        bool under_way = false;
        std::chrono::steady_clock::time_point began;
        boost::asio::steady_timer ended;        ///< cancelled when it ends; expires when nobody shall wait any longer
        nlohmann::json seen;                    ///< by the last one that succeeded; null: none has
        std::vector<store::BudgetRow> budgets;  ///< of apps, by the same
        std::string trouble;                    ///< of the last one; empty: none
        std::chrono::duration<double, std::milli> took{0};
    };
    boost::asio::awaitable<void> look();
    void begin_look();
    boost::asio::awaitable<bool> await_look();
    struct Health {
        nlohmann::json body;
        bool unhealthy;
    };
    boost::asio::awaitable<Health> examine();
    Answer health();
    Answer detailed();
    Answer status();
    Answer metrics();
    nlohmann::json platforms_json(const nlohmann::json& seen) const;

    Parts parts_;
    Look look_;
};

}  // namespace tally::api
