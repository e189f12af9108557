// SPDX-License-Identifier: Apache-2.0
// Keeps the node busy: claims what is due, runs it side by side, stores results in batches.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "common/postgres/pool.hpp"
#include "daemon/collect/rules.hpp"
#include "daemon/collect/runner.hpp"
#include "daemon/net/async.hpp"
#include "daemon/service/log.hpp"
#include "daemon/store/snapshot_store.hpp"

namespace tally::collect {

/// Use from the executor's thread only; the database is reached through the thread pool.
class Dispatcher {
public:
    struct Parts {
        boost::asio::any_io_executor executor;
        boost::asio::thread_pool& threads;
        postgres::Pool& pool;
        Runner& runner;
        service::Log& log;
        std::string node;
    };
    Dispatcher(Parts parts, std::shared_ptr<const Rules> rules);

    void set_rules(std::shared_ptr<const Rules> rules);
    const std::shared_ptr<const Rules>& rules() const noexcept { return rules_; }
    void wake() { wake_.notify(); }  ///< something may have become due
    void start();
    /// Takes no more leases, lets runs finish for at most `grace`, stores what they brought, releases the rest.
    boost::asio::awaitable<void> drain(std::chrono::milliseconds grace);

    std::size_t running() const noexcept { return runs_.size(); }
    bool draining() const noexcept { return draining_; }

private:
    boost::asio::awaitable<void> claim_loop();
    boost::asio::awaitable<std::chrono::milliseconds> claim_round();
    boost::asio::awaitable<void> run_one(lease::Assignment assignment);
    boost::asio::awaitable<void> store_loop();
    boost::asio::awaitable<void> store_batch();
    boost::asio::awaitable<void> give_back();
    void report(const store::RunResult& run, const store::RunReport& stored);
    std::size_t in_work() const noexcept { return runs_.size() + finished_.size() + deferred_.size() + storing_; }

    Parts parts_;
    std::shared_ptr<const Rules> rules_;
    net::TaskGroup loops_, runs_;
    net::Event wake_, results_;
    std::list<store::RunResult> finished_;         // collected, not yet stored
    std::vector<lease::Deferral> deferred_;        // told to wait before anything was asked
    std::vector<lease::Lease> unserved_;           // cancelled while draining: to be released
    std::unique_ptr<store::SnapshotStore> store_;  // made on a database thread, used by one at a time
    std::size_t storing_ = 0;
    std::size_t backfills_ = 0;  // goes of backfills under way
    bool draining_ = false, claiming_done_ = false;
    bool database_trouble_ = false;  // already told
};

}  // namespace tally::collect
