// SPDX-License-Identifier: Apache-2.0
// The claim loop, the runs and the store loop.
#include "daemon/collect/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <iterator>

#include "common/error.hpp"
#include "daemon/lease/lease_repository.hpp"

namespace tally::collect {

using namespace std::chrono_literals;
using boost::asio::awaitable;

namespace {

constexpr unsigned kClaimBatch = 64;
constexpr std::size_t kBackfillPart = 2;       // backfills take at most this part of the room
constexpr std::size_t kStoreBatch = 64;        // runs in one transaction
constexpr std::size_t kStoreSamples = 50'000;  // numbers in one transaction
constexpr auto kPoll = 2'000ms;  // a wake-up may get lost, a timer does not: also what a dead node's leases wait
constexpr auto kDatabasePause = 1'000ms;  // after a database error

}  // namespace

Dispatcher::Dispatcher(Parts parts, std::shared_ptr<const Rules> rules)
    : parts_(std::move(parts)),
      rules_(std::move(rules)),
      loops_(parts_.executor),
      runs_(parts_.executor),
      wake_(parts_.executor),
      results_(parts_.executor) {}

void Dispatcher::set_rules(std::shared_ptr<const Rules> rules) {
    rules_ = std::move(rules);
    wake();
}

void Dispatcher::start() {
    loops_.spawn(claim_loop());
    loops_.spawn(store_loop());
}

awaitable<void> Dispatcher::claim_loop() {
    while (!draining_) {
        std::chrono::milliseconds pause = kDatabasePause;
        try {
            pause = co_await claim_round();
            if (std::exchange(database_trouble_, false)) parts_.log.info("the database answers again");
        } catch (const Error& error) {
            if (!std::exchange(database_trouble_, true))
                parts_.log.error("cannot claim work", {{"error", describe_line(error)}});
        }
        if (pause > 0ms && !draining_) co_await wake_.wait_for(pause);
    }
    claiming_done_ = true;
    results_.notify();
}

/// One claim; gives how long there is nothing more to do.
awaitable<std::chrono::milliseconds> Dispatcher::claim_round() {
    const auto room = rules_->config.collect.concurrency;
    if (in_work() >= room) co_return kPoll;  // a finished run wakes us
    const auto limit = std::min(kClaimBatch, static_cast<unsigned>(room - in_work()));
    // Backfills get what regular work leaves, and never all of the room: a slot that falls due finds some.
    const auto most = std::max<std::size_t>(1, room / kBackfillPart);
    const auto backfills = static_cast<unsigned>(most - std::min(most, backfills_));
    auto claim = [&pool = parts_.pool, node = parts_.node, limit, backfills] {
        const auto session = pool.acquire();
        lease::LeaseRepository leases{*session};
        auto assignments = leases.claim(node, limit, std::nullopt, lease::Work::regular);
        const auto left = std::min(backfills, limit - static_cast<unsigned>(assignments.size()));
        try {
            auto goes = left == 0 ? std::vector<lease::Assignment>{}
                                  : leases.claim(node, left, std::nullopt, lease::Work::backfill);
            std::move(goes.begin(), goes.end(), std::back_inserter(assignments));
        } catch (const Error&) {
            if (assignments.empty()) throw;  // what is claimed already is ours and must be served
        }
        const auto next = assignments.empty() ? leases.next_due(backfills > 0 ? lease::Work::any : lease::Work::regular)
                                              : std::nullopt;
        return std::pair{std::move(assignments), next};
    };
    auto [assignments, next] = co_await net::run_blocking(parts_.threads, std::move(claim));
    if (assignments.empty()) {
        const auto wait = next ? std::chrono::ceil<std::chrono::milliseconds>(*next - now()) : kPoll;
        co_return std::clamp<std::chrono::milliseconds>(wait, 20ms, kPoll);
    }
    for (auto& assignment : assignments) {
        if (draining_) {
            unserved_.push_back(assignment.lease);
            continue;
        }
        if (assignment.backfill) ++backfills_;
        runs_.spawn(run_one(std::move(assignment)));
    }
    co_return 0ms;
}

awaitable<void> Dispatcher::run_one(lease::Assignment assignment) {
    const auto lease = assignment.lease;
    const bool backfill = assignment.backfill;
    try {
        auto outcome = co_await parts_.runner.run(rules_, std::move(assignment));
        if (outcome.deferred_until)
            deferred_.push_back({.lease = lease, .until = *outcome.deferred_until});
        else
            finished_.push_back(std::move(outcome.result));
    } catch (const boost::system::system_error&) {  // cancelled: the lease goes back, and the run is made again
        unserved_.push_back(lease);
    }
    if (backfill) --backfills_;
    results_.notify();
}

awaitable<void> Dispatcher::store_loop() {
    for (;;) {
        if (!deferred_.empty()) {
            co_await give_back();
            continue;
        }
        if (!finished_.empty()) {
            co_await store_batch();
            continue;
        }
        if (claiming_done_ && runs_.size() == 0) co_return;
        co_await results_.wait_for(kPoll);
    }
}

/// Gives back what may not be asked for yet. A failure costs nothing: the lease stays ours, and is deferred again
/// later.
awaitable<void> Dispatcher::give_back() {
    auto deferrals = std::make_shared<std::vector<lease::Deferral>>(std::exchange(deferred_, {}));
    bool failed = false;
    try {
        auto write = [&pool = parts_.pool, deferrals] {
            const auto session = pool.acquire();
            lease::LeaseRepository{*session}.defer(*deferrals);
            return true;
        };
        co_await net::run_blocking(parts_.threads, std::move(write));
        parts_.log.debug("told to wait", {{"connections", std::to_string(deferrals->size())}});
    } catch (const Error& error) {
        parts_.log.error("cannot give leases back, trying again", {{"error", describe_line(error)}});
        failed = true;
    }
    if (!failed) co_return;
    if (draining_) {
        for (const auto& deferral : *deferrals) unserved_.push_back(deferral.lease);
        co_return;
    }
    deferred_.insert(deferred_.end(), deferrals->begin(), deferrals->end());
    boost::asio::steady_timer pause{parts_.executor, kDatabasePause};
    co_await pause.async_wait(boost::asio::use_awaitable);
}

/// Stores what has come together meanwhile. While the database is away results wait here; there are never more of them
/// than `collect.concurrency`, because they count as work in progress.
awaitable<void> Dispatcher::store_batch() {
    auto batch = std::make_shared<std::vector<store::RunResult>>();
    std::size_t samples = 0;
    while (!finished_.empty() && batch->size() < kStoreBatch && samples < kStoreSamples) {
        samples += finished_.front().samples.size();
        batch->push_back(std::move(finished_.front()));
        finished_.pop_front();
    }
    storing_ = batch->size();
    bool failed = false;
    try {
        auto write = [this, batch] {
            if (!store_) store_ = std::make_unique<store::SnapshotStore>(postgres::Session{parts_.pool.options()});
            return store_->store(*batch);
        };
        const auto reports = co_await net::run_blocking(parts_.threads, std::move(write));
        for (std::size_t i = 0; i < batch->size(); ++i) report((*batch)[i], reports[i]);
    } catch (const Error& error) {
        parts_.log.error("cannot store results, trying again",
                         {{"runs", std::to_string(batch->size())}, {"error", describe_line(error)}});
        failed = true;
    }
    storing_ = 0;
    if (failed) {
        store_.reset();
        if (draining_) {  // no time to wait: the leases run out, and the runs are made again
            for (const auto& run : *batch) unserved_.push_back(run.lease);
            co_return;
        }
        for (auto& run : *batch) finished_.push_back(std::move(run));
        boost::asio::steady_timer pause{parts_.executor, kDatabasePause};
        co_await pause.async_wait(boost::asio::use_awaitable);
    }
    wake();
}

void Dispatcher::report(const store::RunResult& run, const store::RunReport& stored) {
    const auto id = std::to_string(run.lease.token);
    if (!stored.stored) {
        parts_.log.warning("lease lost, nothing stored",
                           {{"run", id}, {"user", run.user_id}, {"platform", run.platform}});
        return;
    }
    if (run.state == "succeeded" && stored.refused.empty()) {
        parts_.log.debug("collected", {{"run", id},
                                       {"user", run.user_id},
                                       {"platform", run.platform},
                                       {"account", run.account_id},
                                       {"rows", std::to_string(stored.rows_written)},
                                       {"changed", std::to_string(stored.rows_changed)}});
        return;
    }
    auto error = run.error;
    for (const auto& refused : stored.refused) error += (error.empty() ? "" : "; ") + refused;
    parts_.log.warning(run.state == "failed" ? "collection failed" : "collection incomplete",
                       {{"run", id},
                        {"user", run.user_id},
                        {"platform", run.platform},
                        {"account", run.account_id},
                        {"class", run.error_class},
                        {"error", error}});
}

awaitable<void> Dispatcher::drain(std::chrono::milliseconds grace) {
    draining_ = true;
    wake();
    boost::asio::steady_timer timer{parts_.executor, grace};
    timer.async_wait([this](const boost::system::error_code& error) {
        if (!error) runs_.stop();
    });
    co_await runs_.join();
    results_.notify();
    co_await loops_.join();
    timer.cancel();
    if (!unserved_.empty()) {
        try {
            auto release = [&pool = parts_.pool, leases = unserved_] {
                const auto session = pool.acquire();
                lease::LeaseRepository{*session}.release(leases);
            };
            co_await net::run_blocking(parts_.threads, std::move(release));
            parts_.log.info("released what was not finished", {{"runs", std::to_string(unserved_.size())}});
        } catch (const Error& error) {
            parts_.log.warning("cannot release leases; they run out by themselves", {{"error", describe_line(error)}});
        }
    }
    store_.reset();
}

}  // namespace tally::collect
