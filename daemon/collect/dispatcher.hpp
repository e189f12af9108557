// SPDX-License-Identifier: Apache-2.0
// Keeps the node busy: claims what is due, runs it side by side, stores results in batches.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "common/postgres/pool.hpp"
#include "daemon/collect/breaker.hpp"
#include "daemon/collect/lane_book.hpp"
#include "daemon/collect/metrics.hpp"
#include "daemon/collect/rules.hpp"
#include "daemon/collect/runner.hpp"
#include "daemon/net/async.hpp"
#include "daemon/service/database_watch.hpp"
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
        service::DatabaseWatch& database;
        Metrics& metrics;
        std::string node;
        std::uint64_t seed;
    };
    Dispatcher(Parts parts, std::shared_ptr<const Rules> rules);

    void set_rules(std::shared_ptr<const Rules> rules);
    const std::shared_ptr<const Rules>& rules() const noexcept { return rules_; }
    void wake();  ///< something may have become due, or may be served now
    void start();
    /// Takes no more leases, lets runs finish for at most `grace`, stores what they brought, releases the rest.
    boost::asio::awaitable<void> drain(std::chrono::milliseconds grace);

    std::size_t running() const noexcept { return runs_.size(); }
    /// What goes on, from memory.
    struct Activity {
        std::size_t running = 0;                                         ///< runs that ask platforms
        std::size_t ready = 0;                                           ///< claimed ahead
        std::size_t unstored = 0;                                        ///< results that wait for the database
        std::optional<std::chrono::steady_clock::time_point> stored_at;  ///< the last run
        std::optional<Instant> next_slot;                                ///< of all lanes, as they were looked at last
        std::chrono::steady_clock::time_point claimed_at;                ///< when claiming came round last
    };
    Activity activity() const;
    bool draining() const noexcept { return draining_; }
    /// Platforms that this node found down or coming back.
    std::map<std::string, Breaker> troubled() const;

private:
    boost::asio::awaitable<void> claim_loop();
    boost::asio::awaitable<std::chrono::milliseconds> claim_round();
    boost::asio::awaitable<void> look();
    LaneBook::Room room_for(unsigned limit) const;
    unsigned allowance(const lease::Lane& lane) const;
    std::chrono::milliseconds pause_until_due(const LaneBook::Room& room) const;
    void begin(lease::Assignment assignment);
    boost::asio::awaitable<void> run_one(lease::Assignment assignment);
    void note_platform(const std::string& platform, const Breaker::Report& report, const RunOutcome& outcome);
    boost::asio::awaitable<void> tell_of_platform(std::string platform, bool down, std::string error);
    boost::asio::awaitable<void> pause(std::chrono::milliseconds time);
    boost::asio::awaitable<void> store_loop();
    boost::asio::awaitable<void> store_batch();
    boost::asio::awaitable<void> give_back();
    void report(const store::RunResult& run, const store::RunReport& stored);
    void start_ready();
    unsigned most_held() const;
    unsigned worth_a_claim() const;
    std::size_t free_places() const;
    std::size_t in_work() const noexcept {
        return runs_.size() + ready_.size() + finished_.size() + deferred_.size() + lost_.size() + storing_;
    }

    Parts parts_;
    postgres::Pool claims_;  // a session of its own: claims wait behind nobody, and want plans of their own
    std::shared_ptr<const Rules> rules_;
    net::TaskGroup loops_, runs_;
    net::Event wake_, results_;
    std::mt19937_64 random_;
    LaneBook book_;
    std::chrono::steady_clock::time_point looked_at_{}, claimed_at_ = std::chrono::steady_clock::now();
    std::optional<std::chrono::steady_clock::time_point> stored_at_;
    bool look_again_ = true;
    std::deque<lease::Assignment> ready_;  // claimed ahead
    std::size_t under_way_ = 0;
    std::map<std::string, unsigned> lanes_;                   // runs under way or ready, by lane
    std::map<std::string, unsigned> platforms_;               // and by platform
    std::set<std::pair<std::string, std::string>> accounts_;  // and the accounts they are at
    std::map<std::string, Breaker> breakers_;                 // by platform
    std::list<store::RunResult> finished_;                    // collected, not yet stored
    std::vector<lease::Deferral> deferred_;                   // told to wait before anything was asked
    std::vector<lease::Lease> lost_;               // not believed any more: given back, in case they are ours
    std::vector<lease::Lease> unserved_;           // cancelled while draining: to be released
    std::unique_ptr<store::SnapshotStore> store_;  // made on a database thread, used by one at a time
    std::size_t storing_ = 0;
    std::size_t spare_ = 0;  // runs of what may wait under way
    bool draining_ = false, claiming_done_ = false;
};

}  // namespace tally::collect
