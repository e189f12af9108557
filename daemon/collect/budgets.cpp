// SPDX-License-Identifier: Apache-2.0
// Budgets over sql/queries/health.sql.
#include "daemon/collect/budgets.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/error.hpp"

namespace tally::collect {

using boost::asio::awaitable;
using namespace std::chrono_literals;

namespace {

/// A node takes this part of a counted window at once: few questions to the database, little lost when a node dies.
constexpr std::int64_t kPortions = 200;
constexpr double kBackfillShare = 0.8;  // the rest of a counted window is for regular slots
constexpr auto kShareEvery = 2s;
constexpr auto kForgetEvery = std::chrono::hours{1};
constexpr auto kDatabasePause = 30s;
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
                co_await top_up(*turn.empty, key_of(platform, target, turn.empty->scope), backfill);
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

awaitable<void> Budgets::top_up(const platform::RateLimit& limit, BudgetKey key, bool backfill) {
    const auto window = window_of(limit, now());
    const auto portion = std::max<std::int64_t>(1, limit.requests / kPortions);
    const auto share = backfill ? kBackfillShare : 1.0;
    if (pool_ == nullptr) {
        const auto most = static_cast<std::int64_t>(limit.requests * share);
        book_.grant(key, limit, window, std::max<std::int64_t>(0, most - book_.granted(key, limit, window)), backfill);
        co_return;
    }
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
        if (reading.blocked_until && *reading.blocked_until > at + kWorthSharing)
            unwritten_.push_back({key_of(platform, target, reading.scope), *reading.blocked_until, "usage header"});
    }
    if (verdict.outcome != platform::Outcome::wait || verdict.wait.count() <= 0) return;
    const auto key = key_of(platform, target, verdict.wait_scope);
    const auto reason = verdict.code + (verdict.message.empty() ? "" : ": " + verdict.message);
    book_.block(key, at + verdict.wait, reason);
    if (verdict.wait > kWorthSharing) unwritten_.push_back({key, at + verdict.wait, reason});
}

awaitable<void> Budgets::load() {
    if (pool_ == nullptr) co_return;
    auto read = [pool = pool_] {
        std::vector<Block> blocks;
        const auto session = pool->acquire();
        auto transaction = session->begin_read_only();
        for (const auto& row : transaction.exec("blocked_budgets")) {
            const auto scope = platform::parse_scope(row.view("scope"));
            if (scope)
                blocks.push_back({.key = {row.text("platform"), *scope, row.text("key")},
                                  .until = row.instant("blocked_until"),
                                  .reason = row.text("reason")});
        }
        return blocks;
    };
    for (const auto& block : co_await net::run_blocking(*threads_, std::move(read)))
        book_.block(block.key, block.until, block.reason);
}

awaitable<void> Budgets::flush() {
    auto used = book_.take_all_used();
    auto blocks = std::exchange(unwritten_, {});
    if (pool_ == nullptr || (used.empty() && blocks.empty())) co_return;
    std::sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) { return a.key < b.key; });
    auto write = [pool = pool_, used = std::move(used), blocks = std::move(blocks)] {
        const auto session = pool->acquire();
        auto transaction = session->begin();
        for (const auto& entry : used)
            transaction.exec("report_used", {entry.key.platform, std::string{platform::to_text(entry.key.scope)},
                                             entry.key.id, entry.limit, entry.used, entry.window.start});
        for (const auto& block : blocks)
            transaction.exec("block_budget", {block.key.platform, std::string{platform::to_text(block.key.scope)},
                                              block.key.id, block.until, postgres::make_storable(block.reason, 300)});
        transaction.commit();
        return true;
    };
    co_await net::run_blocking(*threads_, std::move(write));
}

awaitable<void> Budgets::forget_old() {
    if (pool_ == nullptr) co_return;
    auto forget = [pool = pool_] {
        const auto session = pool->acquire();
        auto transaction = session->begin();
        transaction.exec("forget_old_budgets");
        transaction.commit();
        return true;
    };
    co_await net::run_blocking(*threads_, std::move(forget));
}

awaitable<void> Budgets::share() {
    if (pool_ == nullptr) co_return;  // and what was granted is remembered nowhere else
    boost::asio::steady_timer timer{executor_};
    Instant forgotten{};
    for (;;) {
        timer.expires_after(kShareEvery);
        co_await timer.async_wait(boost::asio::use_awaitable);
        try {
            co_await flush();
            co_await load();
            if (forgotten + kForgetEvery <= now()) {
                co_await forget_old();
                forgotten = now();
            }
        } catch (const Error&) {
            // The database is away: others learn later what we were told; the claim loop says so.
        }
        book_.sweep(now());
    }
}

}  // namespace tally::collect
