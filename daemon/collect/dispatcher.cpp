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

constexpr unsigned kClaimBatch = 256;
constexpr std::size_t kSparePart = 2;          // what may wait takes at most this part of the room
constexpr unsigned kAheadPart = 4;             // claimed beyond the room, as a part of it, to begin when a run ends
constexpr unsigned kPlatformPart = 4;          // one platform beside others leaves at least this part of the room
constexpr unsigned kByHandWhileDown = 8;       // runs asked for by hand that try a platform that seems to be down
constexpr std::size_t kStoreBatch = 256;       // runs in one transaction
constexpr std::size_t kStoreSamples = 50'000;  // numbers in one transaction
constexpr auto kPoll = 2'000ms;    // a wake-up may get lost, a timer does not: also what a dead node's leases wait
constexpr auto kLook = 1'000ms;    // how long a look at the lanes is believed while there is work
constexpr auto kLookSoon = 100ms;  // the same when the known lanes have nothing more, and others were used up since
constexpr auto kDatabasePause = 1'000ms;  // after a database error
constexpr auto kAccountPause = 5'000ms;   // for a second user's connection to an account that is being asked
constexpr auto kClaim = "claim work", kStore = "store results", kGiveBack = "give leases back";

bool is_by_hand(const lease::Lane& lane) {
    return lane.slack == std::chrono::seconds{0};
}

postgres::Options by_key(postgres::Options options) {
    options.by_key = true;
    return options;
}

}  // namespace

Dispatcher::Dispatcher(Parts parts, std::shared_ptr<const Rules> rules)
    : parts_(std::move(parts)),
      claims_(by_key(parts_.pool.options()), 1),
      rules_(std::move(rules)),
      loops_(parts_.executor),
      runs_(parts_.executor),
      wake_(parts_.executor),
      results_(parts_.executor),
      random_(parts_.seed) {}

void Dispatcher::wake() {
    look_again_ = true;
    wake_.notify();
}

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
        std::chrono::milliseconds rest = kDatabasePause;
        try {
            rest = co_await claim_round();
        } catch (const Error& error) {
            parts_.database.failed(kClaim, "nothing new begins, trying again every second", error);
            look_again_ = true;  // where nothing is due nobody would ask, and never know that the database is back
        }
        claimed_at_ = std::chrono::steady_clock::now();
        if (rest > 0ms && !draining_) co_await wake_.wait_for(rest);
    }
    claiming_done_ = true;
    results_.notify();
}

/// One claim; gives how long there is nothing more to do.
awaitable<std::chrono::milliseconds> Dispatcher::claim_round() {
    const auto free = free_places();
    if (free == 0 || free < worth_a_claim()) co_return kPoll;  // a finished run wakes us
    if (std::exchange(look_again_, false) || std::chrono::steady_clock::now() - looked_at_ >= kLook) co_await look();
    const auto limit = static_cast<unsigned>(std::min<std::size_t>(kClaimBatch, free));
    const auto room = room_for(limit);
    auto shares = book_.shares(now(), room);
    if (shares.empty() && !book_.knows_all() && std::chrono::steady_clock::now() - looked_at_ >= kLookSoon) {
        co_await look();
        shares = book_.shares(now(), room);
    }
    if (shares.empty()) co_return pause_until_due(room);
    auto claim = [&pool = claims_, node = parts_.node, shares, limit] {
        const auto session = pool.acquire();
        return lease::LeaseRepository{*session}.claim(node, shares, limit);
    };
    const auto asked_at = now();
    const auto begun = std::chrono::steady_clock::now();
    auto assignments = co_await net::run_blocking(parts_.threads, std::move(claim));
    // What the database found due must be due here, too, also when its clock was set since the last heartbeat.
    if (!assignments.empty()) follow_clock(assignments.front().claimed_at, asked_at, lease::kClockTolerance);
    parts_.database.answered(kClaim);
    parts_.metrics.database_answered("claim", std::chrono::steady_clock::now() - begun);
    book_.note(shares, assignments, limit);
    for (auto& assignment : assignments) begin(std::move(assignment));
    co_return 0ms;
}

awaitable<void> Dispatcher::look() {
    auto read = [&pool = claims_] {
        const auto session = pool.acquire();
        return lease::LeaseRepository{*session}.heads();
    };
    const auto at = std::chrono::steady_clock::now();
    const auto heads = co_await net::run_blocking(parts_.threads, std::move(read));
    parts_.database.answered(kClaim);
    book_.look(heads);
    looked_at_ = at;
}

/// Runs under way and those that are claimed ahead, so that a run which ends need not wait for a claim.
unsigned Dispatcher::most_held() const {
    const auto most = rules_->config.collect.concurrency;
    return most + most / kAheadPart;
}

/// While others are ready a claim waits until it is worth its statements.
unsigned Dispatcher::worth_a_claim() const {
    return (most_held() - rules_->config.collect.concurrency) / 2;
}

/// How many more may be claimed. Requests go on while results are stored; when the database is slow, as many results
/// wait in memory as may be held, and then nothing new begins.
std::size_t Dispatcher::free_places() const {
    const std::size_t most = most_held(), held = runs_.size() + ready_.size(), in_all = in_work();
    return std::min(most - std::min(most, held), 2 * most - std::min(2 * most, in_all));
}

/// How many runs of a lane's platform may be under way at once. Somebody waits for what was asked for by hand: it is
/// tried although the platform seems to be down, a few at a time.
unsigned Dispatcher::allowance(const lease::Lane& lane) const {
    const auto platform = lane.platform();
    const auto all = rules_->config.collect.concurrency;
    // A platform that hangs must not hold up the others.
    auto most = book_.platforms() > 1 ? std::max(1U, all - all / kPlatformPart) : most_held();
    if (const auto own = rules_->config.platform(platform).concurrency; own > 0) most = std::min(most, own);
    const auto breaker = breakers_.find(platform);
    if (breaker == breakers_.end()) return most;
    const auto allowed = breaker->second.allowance(most, now());
    return is_by_hand(lane) ? std::max(allowed, std::min(most, kByHandWhileDown)) : allowed;
}

LaneBook::Room Dispatcher::room_for(unsigned limit) const {
    const auto left = [](unsigned most, const std::map<std::string, unsigned>& taken, const std::string& name) {
        const auto found = taken.find(name);
        return most - std::min(most, found == taken.end() ? 0 : found->second);
    };
    // What may wait gets what other work leaves, and never all of the room: a slot that falls due finds some.
    const auto spare_most = std::max<std::size_t>(1, rules_->config.collect.concurrency / kSparePart);
    return {.limit = limit,
            .spare_limit = static_cast<unsigned>(spare_most - std::min(spare_most, spare_)),
            .platform = [this,
                         left](const lease::Lane& lane) { return left(allowance(lane), platforms_, lane.platform()); },
            .app =
                [this, left](const lease::Lane& lane) {
                    return left(rules_->lane_concurrency(lane.name).value_or(most_held()), lanes_, lane.name);
                }};
}

/// Until something falls due that may be served then, or a platform may be tried again; a finished run wakes us before.
std::chrono::milliseconds Dispatcher::pause_until_due(const LaneBook::Room& room) const {
    const auto at = now();
    auto next = book_.next_due([&](const lease::Lane& lane) {
        return room.platform(lane) > 0 && room.app(lane) > 0 && (lane.slack || room.spare_limit > 0);
    });
    for (const auto& [platform, breaker] : breakers_) {
        if (const auto probe = breaker.probe_at(); probe && *probe > at) next = std::min(next.value_or(*probe), *probe);
    }
    const auto wait = next ? std::chrono::ceil<std::chrono::milliseconds>(*next - at) : kPoll;
    return std::clamp<std::chrono::milliseconds>(wait, 20ms, book_.knows_all() ? kPoll : kLookSoon);
}

void Dispatcher::begin(lease::Assignment assignment) {
    const auto& lease = assignment.lease;
    if (draining_) {
        unserved_.push_back(lease);
        return;
    }
    if (!accounts_.emplace(assignment.platform, assignment.account_id).second) {
        deferred_.push_back({.lease = lease, .until = now() + kAccountPause});
        results_.notify();
        return;
    }
    if (lease.is_spare()) ++spare_;
    ++lanes_[lease.lane.name];
    ++platforms_[assignment.platform];
    const auto breaker = breakers_.find(assignment.platform);
    assignment.probe_of_platform = breaker != breakers_.end() && breaker->second.state() == Breaker::State::open;
    // Somebody waits for what was asked for by hand.
    if (is_by_hand(lease.lane))
        ready_.push_front(std::move(assignment));
    else
        ready_.push_back(std::move(assignment));
    start_ready();
}

void Dispatcher::start_ready() {
    while (!ready_.empty() && under_way_ < rules_->config.collect.concurrency) {
        ++under_way_;
        auto assignment = std::move(ready_.front());
        ready_.pop_front();
        runs_.spawn(run_one(std::move(assignment)));
    }
}

awaitable<void> Dispatcher::run_one(lease::Assignment assignment) {
    const auto lease = assignment.lease;
    const auto platform = assignment.platform, account = assignment.account_id;
    const bool probe = assignment.probe_of_platform && !is_by_hand(lease.lane);
    try {
        auto outcome = co_await parts_.runner.run(rules_, std::move(assignment));
        note_platform(platform,
                      {.connection_id = lease.connection_id, .answered = outcome.answered, .was_probe = probe},
                      outcome);
        if (outcome.lease_lost)
            lost_.push_back(lease);
        else if (outcome.deferred_until)
            deferred_.push_back({.lease = lease, .until = *outcome.deferred_until});
        else
            finished_.push_back(std::move(outcome.result));
    } catch (const boost::system::system_error&) {  // cancelled: the lease goes back, and the run is made again
        unserved_.push_back(lease);
    }
    accounts_.erase({platform, account});
    if (lease.is_spare()) --spare_;
    --lanes_[lease.lane.name];
    --platforms_[platform];
    --under_way_;
    start_ready();
    results_.notify();
    if (free_places() >= worth_a_claim()) wake_.notify();
}

void Dispatcher::note_platform(const std::string& platform, const Breaker::Report& report, const RunOutcome& outcome) {
    if (!outcome.answered && !outcome.platform_failed) return;
    auto& breaker = breakers_[platform];
    const auto before = breaker.state();
    if (!breaker.note(report, rules_->config.collect.concurrency, now(), random_)) return;
    wake_.notify();
    const auto after = breaker.state();
    if (before == Breaker::State::closed || after == Breaker::State::closed)
        loops_.spawn(tell_of_platform(platform, after == Breaker::State::open, outcome.result.error));
    if (after == Breaker::State::closed) breakers_.erase(platform);
}

/// A platform that is down is one alert, however many connections it has.
awaitable<void> Dispatcher::tell_of_platform(std::string platform, bool down, std::string error) {
    if (down)
        parts_.log.warning("the platform seems to be down: one run at a time tries it",
                           {{"platform", platform}, {"error", error}});
    else
        parts_.log.info("the platform answers again", {{"platform", platform}});
    auto write = [&pool = parts_.pool, platform, down, error] {
        const auto session = pool.acquire();
        auto transaction = session->begin();
        if (down)
            transaction.exec("raise_alert", {"platform_down", platform, postgres::make_storable(error, 2'000)});
        else
            transaction.exec("resolve_alert", {"platform_down", platform});
        transaction.commit();
        return true;
    };
    try {
        co_await net::run_blocking(parts_.threads, std::move(write));
    } catch (const Error& trouble) {
        parts_.log.warning("cannot write an alert", {{"platform", platform}, {"error", describe_line(trouble)}});
    }
}

std::map<std::string, Breaker> Dispatcher::troubled() const {
    std::map<std::string, Breaker> result;
    for (const auto& [platform, breaker] : breakers_) {
        if (breaker.state() != Breaker::State::closed) result.emplace(platform, breaker);
    }
    return result;
}

Dispatcher::Activity Dispatcher::activity() const {
    return {.running = under_way_,
            .ready = ready_.size(),
            .unstored = finished_.size() + storing_,
            .stored_at = stored_at_,
            .next_slot = book_.next_due([](const lease::Lane&) { return true; }),
            .claimed_at = claimed_at_};
}

awaitable<void> Dispatcher::pause(std::chrono::milliseconds time) {
    boost::asio::steady_timer timer{parts_.executor, time};
    co_await timer.async_wait(boost::asio::use_awaitable);
}

awaitable<void> Dispatcher::store_loop() {
    for (;;) {
        if (!deferred_.empty() || !lost_.empty()) {
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

/// Gives back what may not be asked for yet, and what may be another node's by now. A failure costs nothing: a lease
/// that is still ours is given back later.
awaitable<void> Dispatcher::give_back() {
    const auto deferrals = std::make_shared<std::vector<lease::Deferral>>(std::exchange(deferred_, {}));
    const auto lost = std::make_shared<std::vector<lease::Lease>>(std::exchange(lost_, {}));
    bool failed = false;
    try {
        auto write = [&pool = parts_.pool, deferrals, lost] {
            const auto session = pool.acquire();
            lease::LeaseRepository leases{*session};
            if (!deferrals->empty()) leases.defer(*deferrals);
            if (!lost->empty()) leases.release(*lost);
            return true;
        };
        co_await net::run_blocking(parts_.threads, std::move(write));
        parts_.database.answered(kGiveBack);
        if (!deferrals->empty()) parts_.log.debug("told to wait", {{"connections", std::to_string(deferrals->size())}});
        if (!lost->empty())
            parts_.log.warning("leases were not certain any more: runs begun again",
                               {{"connections", std::to_string(lost->size())}});
    } catch (const Error& error) {
        parts_.database.failed(kGiveBack, "they stay ours, trying again every second", error);
        failed = true;
    }
    if (!failed) {
        wake();
        co_return;
    }
    if (draining_) {
        for (const auto& deferral : *deferrals) unserved_.push_back(deferral.lease);
        unserved_.insert(unserved_.end(), lost->begin(), lost->end());
        co_return;
    }
    deferred_.insert(deferred_.end(), deferrals->begin(), deferrals->end());
    lost_.insert(lost_.end(), lost->begin(), lost->end());
    co_await pause(kDatabasePause);
}

/// Stores what has come together meanwhile. While the database is away results wait here; with what is held they are
/// never more than twice what may be held.
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
            if (!store_) store_ = std::make_unique<store::SnapshotStore>(postgres::Session{claims_.options()});
            return store_->store(*batch);
        };
        const auto begun = std::chrono::steady_clock::now();
        const auto reports = co_await net::run_blocking(parts_.threads, std::move(write));
        parts_.database.answered(kStore);
        stored_at_ = std::chrono::steady_clock::now();
        parts_.metrics.database_answered("store", *stored_at_ - begun);
        for (std::size_t i = 0; i < batch->size(); ++i) report((*batch)[i], reports[i]);
    } catch (const Error& error) {
        parts_.database.failed(kStore, "they wait in memory, trying again every second", error);
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
        co_await pause(kDatabasePause);
    }
    wake_.notify();  // there is room again
}

void Dispatcher::report(const store::RunResult& run, const store::RunReport& stored) {
    const auto id = std::to_string(run.lease.token);
    if (!stored.stored) {
        parts_.log.warning("lease lost, nothing stored",
                           {{"run", id}, {"user", run.user_id}, {"platform", run.platform}});
        return;
    }
    if (run.recorded) parts_.metrics.run_ended(run.platform, run.state, stored.rows_written, stored.rows_changed);
    if (const auto late = run.lateness()) parts_.metrics.slot_served(run.tier, *late);
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
    for (const auto& assignment : ready_) unserved_.push_back(assignment.lease);
    ready_.clear();
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
