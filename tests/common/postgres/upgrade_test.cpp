// SPDX-License-Identifier: Apache-2.0
// A database of an older program, with numbers in it, brought to this one's schema.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/postgres/migrate.hpp"
#include "tests/support/database.hpp"

using namespace tally;

namespace {

constexpr int kFirstWithPartitions = 3;  // before, nothing could be stored

/// A user, a connection, its slot, a run of it and what that brought, as a program of that schema left them.
void fill(const test::Database& database, int schema) {
    database.execute(
        "SELECT ensure_snapshot_month('2026-11-01'), ensure_runs_day('2026-11-20');"
        "INSERT INTO users (user_id, tier, zone) VALUES ('u', 'premium', 'Europe/Berlin');"
        "INSERT INTO user_keys VALUES ('u', '\\x01');"
        "INSERT INTO connections (user_id, platform, account_id, credential, attributes) VALUES ('u', 'youtube', 'a', "
        "'\\x02', '{\"app\": \"second\"}')");
    const std::string columns = schema < 4   ? "due_at, slot_at"
                                : schema < 5 ? "due_at, collect_at, slot_at"
                                             : "lane, slack, collect_at, slot_at";
    const std::string values = schema < 4   ? "'2026-11-22 02:00Z', '2026-11-22 02:00Z'"
                               : schema < 5 ? "'2026-11-22 02:00Z', '2026-11-22 02:00Z', '2026-11-22 02:00Z'"
                                            : "'youtube/second', 900, '2026-11-22 02:00Z', '2026-11-22 02:00Z'";
    database.execute(fmt::format(
        "INSERT INTO slots (connection_id, {}) SELECT connection_id, {} FROM connections;"
        "INSERT INTO runs (run_id, connection_id, user_id, platform, account_id, trigger, slot_at, started_at, "
        "finished_at, node, attempt, state, requests, rows_written, rows_changed) SELECT 7, connection_id, 'u', "
        "'youtube', 'a', 'schedule', '2026-11-20 02:00Z', '2026-11-20 02:00Z', '2026-11-20 02:01Z', 'n', 1, "
        "'succeeded', 3, 1, 0 FROM connections;"
        "INSERT INTO coverage (connection_id, request, first_day, last_day, state, asked_at, run_id) SELECT "
        "connection_id, 'daily', '2026-11-01', '2026-11-19', 'final', '2026-11-20 02:00Z', 7 FROM connections;"
        "INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, fetched_at, "
        "run_id, first_seen_at) VALUES ('u', 'youtube', 'a', 'social_media', 'views', 42, '2026-11-19', '2026-11-20 "
        "02:00Z', 7, '2026-11-20 02:00Z')",
        columns, values));
}

}  // namespace

TEST_CASE("every older schema is brought up to date with what is in it") {
    for (int schema = kFirstWithPartitions; schema < postgres::newest_migration(); ++schema) {
        CAPTURE(schema);
        const test::Database database{test::Database::Empty{}};
        auto session = database.session("");
        CHECK(static_cast<int>(postgres::migrate(session, schema).size()) == schema);
        fill(database, schema);
        CHECK(static_cast<int>(postgres::migrate(session).size()) == postgres::newest_migration() - schema);
        postgres::require_current_schema(session);
        CHECK(database.value("SELECT tier || ' ' || zone FROM users") == "premium Europe/Berlin");
        CHECK(database.value("SELECT lane || ' ' || slack FROM slots") == "youtube/second 900");
        CHECK(database.value("SELECT due_at = '2026-11-22 02:00Z' FROM slots") == "true");
        CHECK(database.value("SELECT state || ' ' || run_id FROM runs") == "succeeded 7");
        CHECK(database.value("SELECT state || ' ' || last_day FROM coverage") == "final 2026-11-19");
        CHECK(database.value("SELECT metric || ' ' || value || ' ' || date FROM snapshots_export") ==
              "views 42 2026-11-19");
        CHECK(database.value("SELECT sum(users) FROM user_counts") == "1");
        CHECK(database.value("SELECT sum(connections) FROM connection_counts") == "1");
    }
}
