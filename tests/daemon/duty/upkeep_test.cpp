// SPDX-License-Identifier: Apache-2.0
// Partitions made ahead, the log of runs trimmed, statistics, and what is forgotten.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/daemon/duty/fixture.hpp"

using namespace tally;
using Fixture = test::DutyFixture;

namespace {

std::string partitions(const Fixture& f, const std::string& table) {
    return f.database.value(
        "SELECT string_agg(right(inhrelid::regclass::text, " + std::string{table == "runs" ? "10" : "7"} +
        "), ' ' ORDER BY inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = '" + table + "'::regclass");
}

}  // namespace

TEST_CASE("partitions are made ahead, once") {
    Fixture f;
    CHECK(f.run("partitions").words == "made 3 months of snapshots; made 4 days of runs");
    CHECK(partitions(f, "analytics_snapshots") ==
          f.database.value("SELECT string_agg(to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + n * interval '1 "
                           "month', 'YYYY_MM'), ' ' ORDER BY n) FROM generate_series(0, 2) n"));
    CHECK(
        partitions(f, "runs") ==
        f.database.value("SELECT string_agg(to_char((now() AT TIME ZONE 'UTC')::date + n, 'YYYY_MM_DD'), ' ' ORDER BY "
                         "n) FROM generate_series(0, 3) n"));
    const auto again = f.run("partitions");
    CHECK(again.words == "all are there");
    CHECK_FALSE(again.changed);
}

TEST_CASE("the log of runs goes by whole days; what waits and what is a proof stays") {
    Fixture f;
    f.rules.config.history.runs = std::chrono::days{10};
    f.database.execute("SELECT ensure_runs_day((now() AT TIME ZONE 'UTC')::date - n) FROM generate_series(0, 14) n");
    f.database.execute("INSERT INTO users (user_id, tier) VALUES ('u', 'free')");
    f.database.execute(
        "INSERT INTO connections (user_id, platform, account_id, credential) VALUES ('u', 'p', 'a', '')");
    f.database.execute(
        "INSERT INTO triggers (run_group, connection_id, requested_at, state) SELECT 1, 1, now() - n * interval '1 "
        "day', "
        "CASE WHEN n = 50 THEN 'waiting' ELSE 'failed' END FROM generate_series(29, 50) n");
    f.database.execute(
        "INSERT INTO slot_exceptions (connection_id, slot_at, last_slot_at, kind, reason, at) SELECT 1, now() - "
        "n * interval '1 day', now() - n * interval '1 day', 'given_up', 'x', now() - n * interval '1 day' FROM "
        "generate_series(8, 12) n");
    f.database.execute(
        "INSERT INTO run_stats SELECT date_trunc('hour', now()) - n * interval '1 day', 'free', 'youtube', 'n1', 1, 0, "
        "0, 1, 1, "
        "1, '{1}' FROM generate_series(8, 14) n");
    f.database.execute(
        "INSERT INTO alerts (kind, subject, message, raised_at, resolved_at) SELECT 'k', 's' || n, 'm', now() - "
        "interval "
        "'1 year', CASE WHEN n > 7 THEN now() - n * interval '1 day' END FROM generate_series(7, 12) n");
    f.database.execute(
        "INSERT INTO consents (user_id, platform, account_id, granted, source, at) VALUES ('u', 'p', 'a', true, 's', "
        "now() - interval '5 years')");
    const auto done = f.run("history");
    CHECK(done.words.starts_with("dropped runs_"));
    CHECK(done.words.ends_with(
        "forgot 20 manual runs; forgot 3 unserved slots; forgot 5 hours of counters; forgot 3 alerts that were over"));
    CHECK(f.database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'runs'::regclass") == "11");
    CHECK(f.database.value("SELECT count(*) FROM triggers WHERE state = 'waiting'") == "1");
    CHECK(f.database.value("SELECT count(*) FROM alerts WHERE resolved_at IS NULL") == "1");
    CHECK(f.database.value("SELECT count(*) FROM consents") == "1");
    CHECK_FALSE(f.run("history").changed);
}

TEST_CASE("statistics are made where they are missing, and not again when nothing has changed") {
    Fixture f;
    f.database.execute("ALTER TABLE coverage SET (autovacuum_enabled = false)");
    f.database.execute("INSERT INTO users SELECT 'u' || n, 'free' FROM generate_series(1, 2) n");
    f.database.execute(
        "INSERT INTO connections (user_id, platform, account_id, credential) SELECT user_id, 'p', 'a', '' FROM users");
    f.run("partitions");
    f.database.execute(
        "INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, fetched_at, "
        "run_id, "
        "first_seen_at) SELECT 'u1', 'p', 'a', 's', 'm' || n, 1, (now() AT TIME ZONE 'UTC')::date, now(), 1, now() "
        "FROM generate_series(1, 3000) n");
    f.database.execute(
        "INSERT INTO coverage (connection_id, request, first_day, last_day, state, asked_at, run_id) SELECT 1, 'r' || "
        "n, "
        "'2026-01-01', '2026-01-01', 'final', now(), 1 FROM generate_series(1, 3000) n");
    f.database.wait_until(
        "SELECT sum(n_live_tup) >= 6000 FROM pg_stat_user_tables WHERE relname ~ '^(coverage|analytics_snapshots)'");
    const auto done = f.run("analyze");
    CHECK(done.words.starts_with("analysed analytics_snapshots, "));
    CHECK(done.words.find("coverage") != std::string::npos);
    CHECK(done.words.find("runs") == std::string::npos);  // nothing in there
    CHECK(f.database.value("SELECT reltuples FROM pg_class WHERE relname = 'analytics_snapshots'") == "3000");
    f.database.wait_until("SELECT last_analyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'coverage'");
    f.database.wait_until(
        "SELECT last_analyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'analytics_snapshots'");
    const auto again = f.run("analyze");
    CHECK(again.words == "no table has changed enough");
}

TEST_CASE("windows and waits that are long over are forgotten, others are not") {
    Fixture f;
    f.database.execute(
        "INSERT INTO rate_budgets (platform, scope, key, name, window_start, window_end, allowed, granted, used) "
        "VALUES "
        "('youtube', 'app', '', 'old', now() - interval '4 days', now() - interval '3 days', 10, 1, 1), "
        "('youtube', 'app', '', 'yesterday', now() - interval '2 days', now() - interval '1 day', 10, 1, 1)");
    f.database.execute(
        "INSERT INTO rate_budgets (platform, scope, key, name, blocked_until, reason) VALUES "
        "('twitch', 'app', '', '', now() - interval '2 hours', 'x'), ('snapchat', 'app', '', '', now() + interval '1 "
        "hour', 'x')");
    f.database.execute(
        "INSERT INTO nodes (node_id, host, pid, version, alive_until) VALUES ('dead', 'h', 1, '1', now() - interval '2 "
        "days')");
    CHECK(f.run("cleanup").words == "forgot 1 dead node; forgot 2 budgets");
    CHECK(f.database.value("SELECT count(*) FROM nodes") == "2");
    CHECK(f.database.value("SELECT string_agg(platform || ' ' || name, ', ' ORDER BY platform) FROM rate_budgets") ==
          "snapchat , youtube yesterday");
}
