// SPDX-License-Identifier: Apache-2.0
// Limits that all nodes share through the database: counted windows, what is kept for regular slots, and waits.
#include "daemon/collect/budgets.hpp"

#include <doctest/doctest.h>

#include <boost/asio/detached.hpp>

#include <thread>

#include "tests/daemon/collect/shared_book.hpp"

using namespace tally;
using namespace std::chrono_literals;
using collect::Budgets;

namespace {

platform::Platform with_quota(unsigned requests) {
    platform::Platform platform;
    platform.name = "demo";
    platform.limits = {{.name = "quota",
                        .scope = platform::BudgetScope::app,
                        .requests = requests,
                        .per = std::chrono::days{30},  // does not end while the test runs, or once in a long while
                        .resets = {},
                        .only_for = {}}};
    return platform;
}

platform::Target account(const std::string& id = "a") {
    return {.account = id,
            .attributes = {},
            .access_token = Secret{"token of " + id},
            .derived_tokens = {},
            .base_url = std::nullopt};
}

struct Fixture {
    Budgets node() { return Budgets{shared.loop.get_executor(), &shared.threads, &shared.pool}; }

    /// How many requests are let through, of so many.
    int spend(Budgets& node, const platform::Platform& platform, bool backfill, int most = 1000) {
        for (int sent = 0; sent < most; ++sent) {
            denial = shared.await(node.acquire(platform, account(), "any", backfill));
            if (denial) return sent;
        }
        return most;
    }

    test::SharedBook shared;
    std::optional<collect::Denial> denial;
};

}  // namespace

TEST_CASE("all nodes together spend no more than the limit") {
    Fixture f;
    const auto demo = with_quota(30);
    auto first = f.node(), second = f.node();
    CHECK(f.spend(first, demo, false, 10) == 10);
    CHECK(f.spend(second, demo, false) == 20);
    CHECK(f.spend(first, demo, false) == 0);
    REQUIRE(f.denial);
    CHECK(f.denial->reason == "the limit 'quota' of 30 requests is used up");
    CHECK(f.denial->until == collect::window_of(demo.limits.front(), now()).end);
    f.shared.await(first.flush());
    f.shared.await(second.flush());
    CHECK(f.shared.database.value("SELECT granted || ' ' || used || ' ' || scope || ' ' || key FROM rate_budgets") ==
          "30 30 app default");
}

TEST_CASE("of many who find the limit empty at the same moment one asks") {
    Fixture f;
    const auto demo = with_quota(10'000);
    auto node = f.node();
    int sent = 0;
    for (int i = 0; i < 40; ++i)
        boost::asio::co_spawn(
            f.shared.loop,
            [&]() -> boost::asio::awaitable<void> {
                const auto denial = co_await node.acquire(demo, account(), "any", false);
                if (!denial) ++sent;
            },
            boost::asio::detached);
    f.shared.loop.restart();
    f.shared.loop.run();
    CHECK(sent == 40);
    CHECK_MESSAGE(f.shared.database.value("SELECT granted FROM rate_budgets") == "75", "5 + 10 + 20 + 40");
}

TEST_CASE("two nodes that open a window at the same moment do not spend a portion twice") {
    const auto demo = with_quota(10);
    const auto window = collect::window_of(demo.limits.front(), now());
    for (const bool known : {false, true}) {
        CAPTURE(known);  // the row of an earlier window is there
        Fixture f;
        if (known)
            f.shared.database.execute(
                "INSERT INTO rate_budgets (platform, scope, key, name, window_start, window_end, allowed, granted) "
                "VALUES ('demo', 'app', 'default', 'quota', now() - interval '90 days', now() - interval '60 days', "
                "10, 10)");
        auto first = f.shared.database.session();
        auto opening = first.begin();
        const std::string scope = "app", key = "default", name = "quota";
        opening.exec("open_budget", {demo.name, scope, key, name, window.start, window.end});
        opening.exec("budget_before", {demo.name, scope, key, name, window.start});
        std::int64_t granted = 0;
        std::thread granting{[&] {
            f.shared.database.wait_until("EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)");
            granted =
                opening.exec("grant_budget", {demo.name, scope, key, name, window.start, window.end, 10, 4, 0, 1.0})[0]
                    .integer("granted");
            opening.commit();
        }};
        auto second = f.node();
        CHECK_MESSAGE(f.spend(second, demo, false) == 6, "the first one has 4 in hand");
        granting.join();
        CHECK(granted == 4);
        CHECK(f.shared.database.value("SELECT granted FROM rate_budgets") == "10");
    }
}

TEST_CASE("a fifth of a counted limit is kept for regular slots, on the node that made the backfill too") {
    Fixture f;
    const auto demo = with_quota(50);
    auto first = f.node(), second = f.node();
    CHECK(f.spend(first, demo, true) == 40);
    CHECK(f.denial->reason == "what is left of the limit 'quota' of 50 requests is for regular slots");
    CHECK(f.spend(second, demo, true) == 0);
    CHECK(f.spend(first, demo, false) == 10);
    CHECK(f.spend(first, demo, false) == 0);
    CHECK(f.spend(second, demo, false) == 0);
}

TEST_CASE("without a database a window is granted once, and a fifth of it is kept for regular slots too") {
    Fixture f;
    const auto demo = with_quota(50);
    Budgets alone{f.shared.loop.get_executor()};
    CHECK(f.spend(alone, demo, true) == 40);
    CHECK(f.denial->backfill_only);
    CHECK(f.spend(alone, demo, false) == 10);
    REQUIRE(f.denial);
    CHECK(f.denial->until == collect::window_of(demo.limits.front(), now()).end);
    CHECK_FALSE(f.denial->backfill_only);
    Budgets other{f.shared.loop.get_executor()};
    CHECK(f.spend(other, demo, false) == 50);
    CHECK(f.spend(other, demo, true) == 0);
}

TEST_CASE("a wait is told to the other nodes, and survives a restart") {
    Fixture f;
    const auto demo = with_quota(1000);
    auto first = f.node(), second = f.node();
    platform::Verdict verdict;
    verdict.outcome = platform::Outcome::wait;
    verdict.wait = 10min;
    verdict.wait_scope = platform::BudgetScope::account;
    verdict.code = "80002";
    verdict.message = "too many calls";
    const auto before = std::chrono::floor<std::chrono::microseconds>(now());
    first.note(demo, account("a"), {.status = 400, .headers = {}, .body = "{}"}, verdict);
    CHECK(first.blocked(demo, account("a")));
    CHECK_FALSE(second.blocked(demo, account("a")));
    f.shared.await(first.flush());
    f.shared.await(second.load());
    auto restarted = f.node();
    f.shared.await(restarted.load());
    for (const auto* node : {&first, &second, &restarted}) {
        const auto denial = node->blocked(demo, account("a"));
        REQUIRE(denial);
        CHECK(denial->reason == "80002: too many calls");
        CHECK(denial->until >= before + 10min);
        CHECK(denial->until <= now() + 10min);
        CHECK_FALSE(node->blocked(demo, account("b")));
    }
    // A shorter wait that another node was told does not cut the longer one.
    verdict.wait = 1min;
    second.note(demo, account("a"), {.status = 400, .headers = {}, .body = "{}"}, verdict);
    f.shared.await(second.flush());
    auto third = f.node();
    f.shared.await(third.load());
    REQUIRE(third.blocked(demo, account("a")));
    CHECK(third.blocked(demo, account("a"))->until >= before + 10min);
    // The token stands nowhere.
    CHECK(f.shared.database.value("SELECT count(*) FROM rate_budgets WHERE key LIKE '%token%'") == "0");
}

TEST_CASE("what cannot be written while the database refuses is written later, with what came meanwhile") {
    Fixture f;
    const auto demo = with_quota(1000);
    auto node = f.node();
    CHECK(f.spend(node, demo, false, 3) == 3);
    platform::Verdict verdict;
    verdict.outcome = platform::Outcome::wait;
    verdict.wait = 10min;
    verdict.wait_scope = platform::BudgetScope::account;
    node.note(demo, account("a"), {.status = 429, .headers = {}, .body = "{}"}, verdict);
    f.shared.database.execute("ALTER TABLE rate_budgets RENAME TO away");
    CHECK_THROWS_AS(f.shared.await(node.flush()), Error);
    verdict.wait = 5min;
    node.note(demo, account("a"), {.status = 429, .headers = {}, .body = "{}"}, verdict);
    node.note(demo, account("b"), {.status = 429, .headers = {}, .body = "{}"}, verdict);
    f.shared.database.execute("ALTER TABLE away RENAME TO rate_budgets");
    f.shared.await(node.flush());
    CHECK(
        f.shared.database.value("SELECT string_agg(key || ' ' || (blocked_until > now() + interval '6 minutes'), ', ' "
                                "ORDER BY key) FROM rate_budgets WHERE name = ''") == "a true, b false");
    CHECK(f.shared.database.value("SELECT used FROM rate_budgets WHERE name = 'quota'") == "3");
}

TEST_CASE("verdicts other than to wait, and short waits, are told to nobody") {
    Fixture f;
    const auto demo = with_quota(1000);
    auto node = f.node();
    platform::Verdict verdict;
    verdict.outcome = platform::Outcome::retry;
    verdict.wait = 10min;
    node.note(demo, account(), {.status = 503, .headers = {}, .body = "{}"}, verdict);
    CHECK_FALSE(node.blocked(demo, account()));
    verdict.outcome = platform::Outcome::wait;
    verdict.wait = 2s;
    node.note(demo, account(), {.status = 429, .headers = {}, .body = "{}"}, verdict);
    f.shared.await(node.flush());
    CHECK(f.shared.database.value("SELECT count(*) FROM rate_budgets") == "0");
}

TEST_CASE("a scope that nobody knows cannot be stored") {
    const test::Database database;
    CHECK_THROWS_AS(
        database.execute("INSERT INTO rate_budgets (platform, scope, key, name) VALUES ('p', 'all', 'k', '')"),
        postgres::SqlError);
}
