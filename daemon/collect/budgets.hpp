// SPDX-License-Identifier: Apache-2.0
// The limits of the platforms, kept by this node and shared with the others through the database.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/postgres/pool.hpp"
#include "daemon/collect/budget_book.hpp"
#include "daemon/net/async.hpp"
#include "daemon/platform/classify.hpp"

namespace tally::collect {

/// Use from the executor's thread only. Without a database (null) this node is taken for the only one, with every
/// window still whole when it starts.
class Budgets {
public:
    explicit Budgets(boost::asio::any_io_executor executor, boost::asio::thread_pool* threads = nullptr,
                     postgres::Pool* pool = nullptr)
        : executor_(std::move(executor)), threads_(threads), pool_(pool), worth_sharing_(executor_) {}

    /// Suspends until a request may be sent, at most for a few seconds; a denial when that would take longer: then
    /// nothing may be sent. @param backfill takes only what the regular slots leave of counted limits
    boost::asio::awaitable<std::optional<Denial>> acquire(const platform::Platform& platform,
                                                          const platform::Target& target, std::string request,
                                                          bool backfill);
    std::optional<Denial> blocked(const platform::Platform& platform, const platform::Target& target) const {
        return book_.blocked(platform, target, now());
    }

    /// What an answer told: its usage headers, and its verdict when that is to wait. A wait worth sharing is written at
    /// once while share() runs: a node that is killed a moment later asks nobody who told it to wait.
    void note(const platform::Platform& platform, const platform::Target& target, const platform::HttpAnswer& answer,
              const platform::Verdict& verdict);

    void set_nodes(std::size_t nodes) noexcept { book_.set_nodes(nodes); }
    /// Reads what others were told and writes what we were, until cancelled. @throws nothing but cancellation
    boost::asio::awaitable<void> share();
    /// Reads once; before the first claim, so that a restart forgets no wait. @throws Error
    boost::asio::awaitable<void> load();
    /// Writes what is not written yet, and keeps it when that fails. @throws Error
    boost::asio::awaitable<void> flush();

private:
    struct Block {
        Instant until;
        std::string reason;
    };
    using Blocks = std::map<BudgetKey, Block>;  // in the order in which all nodes lock them
    void share_later(const BudgetKey& key, Block block, Instant at);
    struct Asking {
        explicit Asking(const boost::asio::any_io_executor& executor)
            : answered(executor, boost::asio::steady_timer::time_point::max()) {}
        boost::asio::steady_timer answered;  // cancelled then
        bool failed = false;
    };
    boost::asio::awaitable<void> top_up_once(const platform::RateLimit& limit, BudgetKey key, bool backfill);
    boost::asio::awaitable<void> top_up(const platform::RateLimit& limit, BudgetKey key, bool backfill);

    boost::asio::any_io_executor executor_;
    boost::asio::thread_pool* threads_;
    postgres::Pool* pool_;
    BudgetBook book_;
    std::map<std::pair<BudgetKey, std::string>, std::shared_ptr<Asking>> asking_;
    Blocks unwritten_;
    net::Event worth_sharing_;
};

}  // namespace tally::collect
