// SPDX-License-Identifier: Apache-2.0
// Delivers what the outbox holds, and what the outbox cannot hold: that the database is away.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/postgres/pool.hpp"
#include "daemon/alert/outbox.hpp"
#include "daemon/net/async.hpp"
#include "daemon/service/database_watch.hpp"
#include "daemon/service/log.hpp"

namespace tally::alert {

/// Makes the mail of a report; nullopt: nobody is to get it any more. Blocking, for any thread.
using MakePosting = std::function<std::optional<Posting>(postgres::Session&)>;

/// Use from the executor's thread only. Each node has one; they share the outbox.
class Courier {
public:
    struct Parts {
        boost::asio::any_io_executor executor;
        boost::asio::thread_pool& threads;  ///< for the database
        postgres::Pool& pool;
        service::Log& log;
        const service::DatabaseWatch& database;
        std::string sender;  ///< named in messages, such as the host
        std::function<config::Config()> config;
        std::function<MakePosting(ReportName)> report_mail;
    };
    Courier(Parts parts, std::uint64_t seed);

    /// Delivers until cancelled; a delivery under way is ended first.
    boost::asio::awaitable<void> watch();
    void wake() { wake_.notify(); }  ///< there may be something to deliver

    struct Trial {
        std::string channel, error;  ///< error: empty when the channel took the message
    };
    /// Sends a message that nothing is wrong through every channel of the configuration, at once.
    boost::asio::awaitable<std::vector<Trial>> test();

private:
    boost::asio::awaitable<bool> deliver_some();
    struct Outcome {
        std::string error;      ///< empty: the other side took it
        bool hopeless = false;  ///< another attempt would end the same way
        bool unwanted = false;  ///< nobody waits for it
    };
    boost::asio::awaitable<void> deliver_one(const config::Config& config, const Delivery& delivery);
    boost::asio::awaitable<Outcome> send_message(const config::Config& config, const Delivery& delivery);
    boost::asio::awaitable<Outcome> send_report(const config::Config& config, const Delivery& delivery);
    boost::asio::awaitable<void> tell_of_database();
    boost::asio::awaitable<std::vector<Trial>> send_to_all(Notice notice, std::string id);

    Parts parts_;
    boost::asio::thread_pool thread_{1};  // channels may be slow: nobody else waits for them
    net::Event wake_;
    std::mt19937_64 random_;
    bool database_told_ = false;
};

}  // namespace tally::alert
