// SPDX-License-Identifier: Apache-2.0
// Budgets over sql/queries/health.sql.
#include "daemon/collect/budgets.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/error.hpp"

namespace tally::collect {

using boost::asio::awaitable;
using namespace std::chrono_literals;

namespace {

constexpr double kBackfillShare = 0.8;  // the rest of a counted window is for regular slots
constexpr auto kShareEvery = 2s;
constexpr auto kDatabasePause = 5s;
constexpr auto kWorthSharing = 3s;  // shorter waits are over before the others would read them

}  // namespace

awaitable<std::optional<Denial>> Budgets::acquire(const platform::Platform& platform, const platform::Target& target,
                                                  std::string request, bool backfill) {
    for (;;) {
        const auto at = now();
        auto turn = book_.take(platform, target, request, at, backfill);
        if (turn.denial) co_return std::move(turn.denial);
        if (turn.empty != nullptr) {
            bool away = false;
            try {
                co_await top_up_once(*turn.empty, key_of(platform, target, turn.empty->scope), backfill);
            } catch (const Error&) {
                away = true;
            }
            if (away) co_return Denial{now() + kDatabasePause, "the database, which keeps the count, does not answer"};
            continue;
        }
        if (turn.send_at <= at && turn.reserved) co_return std::nullopt;
        boost::asio::steady_timer timer{executor_, turn.send_at - at};
        co_await timer.async_wait(boost::asio::use_awaitable);
        // Somebody may have been told to wait meanwhile.
        if (auto denial = book_.blocked(platform, target, now())) co_return denial;
        if (turn.reserved) co_return std::nullopt;
    }
}

/// Of all who find the same limit empty one asks; the others look again when it has its answer.
awaitable<void> Budgets::top_up_once(const platform::RateLimit& limit, BudgetKey key, bool backfill) {
    const std::pair name{key, limit.name};
    if (const auto found = asking_.find(name); found != asking_.end()) {
        const auto asking = found->second;
        co_await asking->answered.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        if (asking->failed) throw Error(Fault::temporary, "the database, which keeps the count, does not answer");
        co_return;
    }
    const auto asking = std::make_shared<Asking>(executor_);
    asking_.emplace(name, asking);
    std::exception_ptr failure;
    try {
        co_await top_up(limit, std::move(key), backfill);
    } catch (...) {
        failure = std::current_exception();
    }
    asking->failed = failure != nullptr;
    asking_.erase(name);
    asking->answered.cancel();
    if (failure) std::rethrow_exception(failure);
}

awaitable<void> Budgets::top_up(const platform::RateLimit& limit, BudgetKey key, bool backfill) {
    const auto window = window_of(limit, now());
    const auto share = backfill ? kBackfillShare : 1.0;
    if (pool_ == nullptr) {
        const auto most = static_cast<std::int64_t>(limit.requests * share);
        book_.grant(key, limit, window, std::max<std::int64_t>(0, most - book_.granted(key, limit, window)), backfill);
        co_return;
    }
    const auto portion = book_.portion(key, limit, now());
    const auto used = book_.take_used(key, limit.name);
    auto ask = [pool = pool_, key, name = limit.name, allowed = static_cast<std::int64_t>(limit.requests), window,
                portion, used, share] {
        const auto session = pool->acquire();
        auto transaction = session->begin();
        const std::string scope{platform::to_text(key.scope)};
        transaction.exec("open_budget", {key.platform, scope, key.id, name, window.start, window.end});
        const auto before =
            transaction.exec("budget_before", {key.platform, scope, key.id, name, window.start})[0].integer("granted");
        const auto after = transaction
                               .exec("grant_budget", {key.platform, scope, key.id, name, window.start, window.end,
                                                      allowed, portion, used, share})[0]
                               .integer("granted");
        transaction.commit();
        return after - before;
    };
    const auto granted = co_await net::run_blocking(*threads_, std::move(ask));
    book_.grant(key, limit, window, granted, backfill);
}

void Budgets::note(const platform::Platform& platform, const platform::Target& target,
                   const platform::HttpAnswer& answer, const platform::Verdict& verdict) {
    const auto at = now();
    const auto readings = platform::read_usage(platform, answer, at);
    book_.note(platform, target, readings, at);
    for (const auto& reading : readings) {
        if (reading.blocked_until)
            share_later(key_of(platform, target, reading.scope), {*reading.blocked_until, "usage header"}, at);
    }
    if (verdict.outcome != platform::Outcome::wait || verdict.wait.count() <= 0) return;
    const auto key = key_of(platform, target, verdict.wait_scope);
    const auto reason = verdict.code + (verdict.message.empty() ? "" : ": " + verdict.message);
    book_.block(key, at + verdict.wait, reason);
    share_later(key, {at + verdict.wait, reason}, at);
}

void Budgets::share_later(const BudgetKey& key, Block block, Instant at) {
    if (block.until <= at + kWorthSharing) return;
    auto& kept = unwritten_[key];
    if (kept.until < block.until) kept = std::move(block);
    worth_sharing_.notify();
}

awaitable<void> Budgets::load() {
    if (pool_ == nullptr) co_return;
    auto read = [pool = pool_] {
        Blocks blocks;
        const auto session = pool->acquire();
        auto transaction = session->begin_read_only();
        for (const auto& row : transaction.exec("blocked_budgets")) {
            const auto scope = platform::parse_scope(row.view("scope"));
            if (scope)
                blocks.emplace(BudgetKey{row.text("platform"), *scope, row.text("key")},
                               Block{row.instant("blocked_until"), row.text("reason")});
        }
        return blocks;
    };
    for (const auto& [key, block] : co_await net::run_blocking(*threads_, std::move(read)))
        book_.block(key, block.until, block.reason);
}

awaitable<void> Budgets::flush() {
    auto used = book_.take_all_used();
    auto blocks = std::exchange(unwritten_, {});
    if (pool_ == nullptr || (used.empty() && blocks.empty())) co_return;
    auto write = [pool = pool_, &used, &blocks] {
        const auto session = pool->acquire();
        auto transaction = session->begin();
        for (const auto& entry : used)
            transaction.exec("report_used", {entry.key.platform, std::string{platform::to_text(entry.key.scope)},
                                             entry.key.id, entry.limit, entry.used, entry.window.start});
        for (const auto& [key, block] : blocks)
            transaction.exec("block_budget", {key.platform, std::string{platform::to_text(key.scope)}, key.id,
                                              block.until, postgres::make_storable(block.reason, 300)});
        transaction.commit();
        return true;
    };
    try {
        co_await net::run_blocking(*threads_, std::move(write));
    } catch (...) {
        book_.give_back(used);
        for (auto& [key, block] : blocks) {
            auto& kept = unwritten_[key];
            if (kept.until < block.until) kept = std::move(block);
        }
        throw;
    }
}

awaitable<void> Budgets::share() {
    if (pool_ == nullptr) co_return;  // and what was granted is remembered nowhere else
    for (auto read_at = std::chrono::steady_clock::now();;) {
        co_await worth_sharing_.wait_for(kShareEvery);
        try {
            co_await flush();
            if (std::chrono::steady_clock::now() < read_at) continue;
            read_at = std::chrono::steady_clock::now() + kShareEvery;
            co_await load();
        } catch (const Error&) {
            // The database is away: others learn later what we were told; the claim loop says so.
        }
        book_.sweep(now());
    }
}

}  // namespace tally::collect
