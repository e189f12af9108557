// SPDX-License-Identifier: Apache-2.0
// Claims duties that are due and does them, one after the other, on a thread of their own.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "common/postgres/pool.hpp"
#include "daemon/collect/rules.hpp"
#include "daemon/duty/work.hpp"
#include "daemon/net/async.hpp"
#include "daemon/service/log.hpp"

namespace tally::duty {

/// Use from the executor's thread only.
class Runner {
public:
    struct Parts {
        boost::asio::any_io_executor executor;
        boost::asio::thread_pool& threads;  ///< for what is short
        postgres::Pool& pool;               ///< duties have a session of their own, with the same URL
        service::Log& log;
        std::string node;
        std::function<std::shared_ptr<const collect::Rules>()> rules;
    };
    Runner(Parts parts, std::uint64_t seed);

    /// Does what is due, until cancelled.
    boost::asio::awaitable<void> watch();
    void wake() { wake_.notify(); }  ///< something may have become due
    /// No new duty, and the one under way ends soon: it is given back. watch() still has to be cancelled.
    void stop();

private:
    struct Outcome {
        enum class Kind { done, failed, stopped, lost } kind;
        Done done;
        std::string error;
    };
    boost::asio::awaitable<bool> run_once();
    Outcome perform(const Claim& claim, const collect::Rules& rules);
    Outcome carry_out(const Claim& claim, const collect::Rules& rules);
    void record(const Claim& claim, Instant at, Outcome& outcome);
    void report(const Claim& claim, const Outcome& outcome);

    Parts parts_;
    boost::asio::thread_pool thread_{1};
    net::Event wake_;
    Stop stop_;
    std::mt19937_64 random_;  // of thread_
    bool trouble_ = false;    // the database is away, and that was said
};

}  // namespace tally::duty
