// SPDX-License-Identifier: Apache-2.0
// What retention deletes and what it keeps, on a real PostgreSQL. Days are counted from the database's date in UTC.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <thread>

#include "tests/daemon/duty/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

constexpr const char* kToday = "(now() AT TIME ZONE 'UTC')::date";

struct Fixture : test::DutyFixture {
    Fixture() {
        rules.config.tiers["free"].retention = std::chrono::days{30};
        rules.config.tiers["premium"].retention = std::chrono::days{90};
    }

    void add_user(const std::string& user, const std::string& tier) const {
        database.execute(fmt::format("INSERT INTO users (user_id, tier) VALUES ('{}', '{}')", user, tier));
    }
    /// One number a metric for each of the days between these ages, both included.
    void add_days(const std::string& user, int oldest, int newest, int metrics = 1) const {
        database.execute(
            fmt::format("SELECT ensure_snapshot_month(d::date) FROM generate_series(date_trunc('month', {0} - {1}), "
                        "{0}, '1 month') d",
                        kToday, oldest));
        database.execute(fmt::format(
            "INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, fetched_at, "
            "run_id, first_seen_at) SELECT '{}', 'youtube', 'a', 's', 'm' || m, 1, {} - d, now(), 1, now() "
            "FROM generate_series({}, {}) d, generate_series(1, {}) m",
            user, kToday, newest, oldest, metrics));
    }
    /// Age of the oldest day, and how many rows there are.
    std::string kept(const std::string& user) const {
        return database.value(
            fmt::format("SELECT max({} - date) || ' ' || count(*) FROM analytics_snapshots "
                        "WHERE user_id = '{}'",
                        kToday, user));
    }
    int months() const {
        return std::stoi(
            database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'analytics_snapshots'::regclass"));
    }
};

}  // namespace

TEST_CASE("each tier keeps its days to the day; users that are gone and unknown tiers are kept the longest") {
    Fixture f;
    f.add_user("frieda", "free");
    f.add_user("petra", "premium");
    f.add_user("old", "bronze");  // the configuration knows no such tier any more
    for (const auto* user : {"frieda", "petra", "old", "gone"}) f.add_days(user, 100, 0);
    const auto done = f.run("retention");
    CHECK(done.changed);
    CHECK_FALSE(done.again);
    CHECK(f.kept("frieda") == "30 31");
    CHECK(f.kept("petra") == "90 91");
    CHECK(f.kept("old") == "90 91");
    CHECK(f.kept("gone") == "90 91");
    const auto again = f.run("retention");
    CHECK_FALSE(again.changed);
    CHECK(again.words == "nothing was too old");
}

TEST_CASE("a tier that keeps for ever is left alone, and with it everybody whose tier is not known") {
    Fixture f;
    f.rules.config.tiers["gold"] = {.name = "gold", .every = 1h, .cron = {}, .retention = std::nullopt};
    f.add_user("midas", "gold");
    f.add_user("frieda", "free");
    for (const auto* user : {"midas", "frieda", "gone"}) f.add_days(user, 400, 395);
    const auto before = f.months();
    const auto done = f.run("retention");
    CHECK(done.words == "deleted 6 numbers");
    CHECK(f.kept("midas") == "400 6");
    CHECK(f.kept("gone") == "400 6");
    CHECK(f.kept("frieda") == "NULL");
    CHECK(f.months() == before);
    f.rules.config.tiers.erase("gold");
    CHECK(f.run("retention").words.starts_with("dropped analytics_snapshots_"));
    CHECK(f.kept("midas") == "NULL");
    CHECK(f.months() < before);
}

TEST_CASE("who moves to another tier is kept as long as that one keeps, from the next night on without a grace") {
    Fixture f;
    f.rules.config.history.downgrade_grace = std::chrono::days{0};
    f.add_user("u", "premium");
    f.add_days("u", 60, 0);
    CHECK_FALSE(f.run("retention").changed);
    f.database.execute("UPDATE users SET tier = 'free'");
    CHECK(f.run("retention").words == "deleted 30 numbers");
    CHECK(f.kept("u") == "30 31");
    f.database.execute("UPDATE users SET tier = 'premium'");
    CHECK_FALSE(f.run("retention").changed);
}

TEST_CASE("whole months before the longest retention go without a row being touched") {
    Fixture f;
    f.add_user("u", "premium");
    f.add_days("u", 200, 0);
    const auto before = f.months();
    const auto done = f.run("retention");
    CHECK(f.kept("u") == "90 91");
    // The month in which the boundary lies stays, with what is young enough.
    CHECK(f.months() ==
          std::stoi(f.database.value(fmt::format(
              "SELECT count(*) FROM generate_series(date_trunc('month', {0} - 90), {0}, '1 month')", kToday))));
    CHECK(before > f.months());
    CHECK(done.words.starts_with("dropped analytics_snapshots_"));
}

TEST_CASE("more rows than one transaction takes, of more users than are looked up at once") {
    Fixture f;
    f.add_user("big", "free");
    f.add_days("big", 40, 25, 1'500);  // 15,000 of them too old
    f.database.execute(
        "INSERT INTO users SELECT 'u' || n, CASE WHEN n % 3 = 0 THEN 'free' ELSE 'premium' END "
        "FROM generate_series(1, 1300) n");
    f.database.execute(
        fmt::format("INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, "
                    "fetched_at, run_id, "
                    "first_seen_at) SELECT user_id, 'youtube', 'a', 's', 'm', 1, {} - 35, now(), 1, now() FROM users "
                    "WHERE user_id <> 'big'",
                    kToday));
    CHECK(f.run("retention").words == "deleted 15,433 numbers");
    CHECK(f.database.value(
              "SELECT count(*) FROM analytics_snapshots JOIN users USING (user_id) WHERE tier = 'premium'") == "867");
    CHECK(f.kept("big") == "30 9000");
}

TEST_CASE("restated values and what is known of days go with the numbers") {
    Fixture f;
    f.add_user("frieda", "free");
    f.add_user("petra", "premium");
    f.database.execute(
        fmt::format("INSERT INTO snapshot_revisions (user_id, platform, account_id, source, metric, date, revision, "
                    "value, metadata, "
                    "fetched_at, run_id) SELECT u, 'p', 'a', 's', 'm', {} - d, 0, 1, '{{}}', now(), 1 "
                    "FROM unnest(ARRAY['frieda', 'petra', 'gone']) u, generate_series(0, 99) d",
                    kToday));
    f.database.execute(
        "INSERT INTO connections (user_id, platform, account_id, credential) "
        "SELECT user_id, 'p', 'a', '' FROM users");
    f.database.execute(fmt::format(
        "INSERT INTO coverage (connection_id, request, first_day, last_day, state, asked_at, run_id) "
        "SELECT connection_id, 'r', {0} - d, {0} - d, 'final', now(), 1 FROM connections, generate_series(0, 99) d "
        "UNION ALL SELECT connection_id, 'long', {0} - 99, {0} - 1, 'final', now(), 1 FROM connections",
        kToday));
    CHECK(f.run("retention").words == "deleted 87 restated values");
    const auto counts = [&](const std::string& table, const std::string& where) {
        return f.database.value(
            "SELECT string_agg(n::text, ' ' ORDER BY user_id) FROM (SELECT user_id, count(*) AS n FROM " + table +
            " WHERE " + where + " GROUP BY user_id) x");
    };
    CHECK(counts("snapshot_revisions", "true") == "31 91 91");  // frieda, gone, petra
    // One day more is known than kept: an account's day may be one behind UTC, and it must not be asked for anew.
    CHECK(counts("coverage JOIN connections USING (connection_id)", "request = 'r'") == "32 92");
    CHECK(counts("coverage JOIN connections USING (connection_id)", "request = 'long'") == "1 1");
}

TEST_CASE("a partition that somebody reads is left for later, and nobody waits for it") {
    Fixture f;
    f.add_user("u", "premium");
    f.add_days("u", 200, 170);
    auto reader = f.database.session("tally_reader");
    duty::Done done;
    {
        auto transaction = reader.begin_read_only();
        transaction.exec_text("SELECT count(*) FROM analytics_snapshots");
        done = f.run("retention");
    }
    CHECK(done.again);
    CHECK(done.words.find("in use, later again") != std::string::npos);
    CHECK(f.kept("u") == "NULL");  // too old is too old: the rows went one by one
    done = f.run("retention");
    CHECK_FALSE(done.again);
    CHECK(done.words.starts_with("dropped analytics_snapshots_"));
}

TEST_CASE("without the lease nothing is deleted, and a stop ends a duty between two steps") {
    Fixture f;
    f.add_user("u", "free");
    f.add_days("u", 40, 0);
    f.n1.plan(now());
    f.n1.request("retention");
    f.database.execute("UPDATE duties SET due_at = now() + interval '1 h' WHERE name <> 'retention'");
    const auto claim = f.n1.claim("n1");
    REQUIRE(claim);
    auto admin = f.database.session("tally_admin");
    duty::Work work{admin, *claim, f.rules, "n", f.stop};
    f.kill("n1");
    REQUIRE(f.n2.claim("n2"));
    CHECK_THROWS_AS(duty::keep_retention(work), duty::LeaseLost);
    f.stop.request();
    CHECK_THROWS_AS(duty::keep_retention(work), duty::Stopped);
    CHECK(f.kept("u") == "40 41");
}

TEST_CASE("nobody takes a duty between the two ends of one of its steps") {
    Fixture f;
    f.plan();
    const auto claim = f.n1.claim("n1");
    REQUIRE(claim);
    auto admin = f.database.session("tally_admin");
    duty::Work work{admin, *claim, f.rules, "n", f.stop};
    f.kill("n1");
    {
        auto step = work.begin();
        CHECK_FALSE(f.n2.claim("n2"));
    }
    CHECK(f.n2.claim("n2"));
    CHECK_THROWS_AS(work.begin(), duty::LeaseLost);
}

TEST_CASE("a statement under way ends when the daemon stops") {
    test::Database database;
    auto session = database.session();
    duty::Stop stop;
    stop.set_statement(session.canceller());
    std::thread other{[&] {
        database.wait_until("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(50)%'");
        stop.interrupt();
    }};
    std::string state;
    try {
        session.exec_alone("SELECT pg_sleep(50)");
    } catch (const postgres::SqlError& error) {
        state = error.sqlstate();
    }
    other.join();
    CHECK(state == "57014");
    CHECK(session.is_open());
}
