// SPDX-License-Identifier: Apache-2.0
// Statements, migrations, roles and sessions on a real PostgreSQL.
#include <doctest/doctest.h>

#include <limits>

#include "common/postgres/cluster.hpp"
#include "common/postgres/migrate.hpp"
#include "common/postgres/statements.hpp"
#include "tests/support/database.hpp"

using namespace tally;

TEST_CASE("every named statement is understood by a freshly migrated database") {
    const test::Database database;
    auto session = database.session("");
    session.exec_alone(
        "CREATE TEMP TABLE staged_snapshots (user_id text, platform text, account_id text, source text, metric text, "
        "date date, value double precision, metadata jsonb, run_id bigint, day_over_at timestamptz)");
    for (const auto& [name, sql] : postgres::statements()) {
        CAPTURE(name);
        CHECK_NOTHROW(session.exec_alone("PREPARE \"" + name + "\" AS " + sql));
    }
    CHECK(postgres::statements().size() > 40);
}

TEST_CASE("migrating twice changes nothing; a newer schema and a changed migration are refused") {
    const test::Database database;
    auto session = database.session("");
    CHECK(postgres::migrate(session).empty());
    CHECK_NOTHROW(postgres::require_current_schema(session));
    database.execute("INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, 'future', 'x')");
    try {
        postgres::migrate(session);
        FAIL("a newer schema was accepted");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::config);
        CHECK_FALSE(error.hint().empty());
    }
    database.execute("DELETE FROM schema_migrations WHERE version = 9999");
    database.execute("UPDATE schema_migrations SET checksum = 'changed' WHERE version = 1");
    CHECK_THROWS_AS(postgres::migrate(session), Error);
}

TEST_CASE("the collector cannot delete numbers, and the reader never sees a token") {
    const test::Database database;
    auto collector = database.session("tally_collector");
    CHECK_THROWS_AS(collector.exec_alone("DELETE FROM analytics_snapshots"), postgres::SqlError);
    auto reader = database.session("tally_reader");
    CHECK_NOTHROW(reader.exec_alone("SELECT * FROM snapshots_export"));
    CHECK_NOTHROW(reader.exec_alone("SELECT state FROM connections"));
    for (const auto* sql : {"SELECT credential FROM connections", "SELECT * FROM user_keys",
                            "DELETE FROM analytics_snapshots", "INSERT INTO users VALUES ('x', 'free')"})
        CHECK_THROWS_AS(reader.exec_alone(sql), postgres::SqlError);
}

TEST_CASE("a transaction that is not committed leaves nothing, COPY takes every text") {
    const test::Database database;
    auto session = database.session("");
    session.exec_alone("CREATE TABLE texts (id int, text text)");
    const std::string nasty = "tab\t newline\n back\\slash \\N \r ü";
    const auto copy = [&](postgres::Transaction& transaction) {
        int left = 2;
        transaction.copy("texts", {"id", "text"}, [&](postgres::CopyRow& row) {
            if (left == 0) return false;
            row.add_int4(left);
            if (--left == 0)
                row.add_null();
            else
                row.add_text(nasty);
            return true;
        });
    };
    {
        auto transaction = session.begin();
        copy(transaction);
    }
    CHECK(database.value("SELECT count(*) FROM texts") == "0");
    auto transaction = session.begin();
    copy(transaction);
    transaction.commit();
    CHECK(database.value("SELECT text FROM texts WHERE id = 2") == nasty);
    CHECK(database.value("SELECT text FROM texts WHERE id = 1") == "NULL");
}

TEST_CASE("what COPY writes is what SQL reads, at both ends of every type") {
    const test::Database database;
    auto session = database.session("");
    session.exec_alone("CREATE TABLE kinds (n int, i8 bigint, f float8, d date, t timestamptz, j jsonb)");
    const auto day = [](const char* text) { return parse_day(text).value(); };
    const auto instant = [](const char* text) { return parse_instant(text).value(); };
    struct Kind {
        std::int64_t number;
        double value;
        Day day;
        Instant instant;
        std::string json, shown;
    };
    const std::vector<Kind> kinds{
        {-1, -0.1, day("1999-12-31"), instant("1999-12-31T23:59:59.999999Z"), "{}",
         "-1 -0.1 1999-12-31 1999-12-31 23:59:59.999999+00 {}"},
        {std::numeric_limits<std::int64_t>::max(), 1.7976931348623157e308, day("2026-11-21"), postgres::kNever,
         R"({"a": ["\u00fc", 1]})",
         "9223372036854775807 1.7976931348623157e+308 2026-11-21 infinity {\"a\": [\"ü\", 1]}"},
        {std::numeric_limits<std::int64_t>::min(), 5e-324, day("0001-01-01"), Instant::min(), "null",
         "-9223372036854775808 5e-324 0001-01-01 -infinity null"},
    };
    auto transaction = session.begin();
    std::size_t next = 0;
    transaction.copy("kinds", {"n", "i8", "f", "d", "t", "j"}, [&](postgres::CopyRow& row) {
        if (next == kinds.size()) return false;
        const auto& kind = kinds[next];
        row.add_int4(static_cast<std::int32_t>(next++));
        row.add_int8(kind.number);
        row.add_float8(kind.value);
        row.add_date(kind.day);
        row.add_timestamptz(kind.instant);
        row.add_jsonb(kind.json);
        return true;
    });
    const auto rows = transaction.exec_text("SELECT concat_ws(' ', i8, f, d, t, j) AS shown FROM kinds ORDER BY n");
    REQUIRE(rows.size() == kinds.size());
    for (std::size_t i = 0; i < kinds.size(); ++i) CHECK(rows[i].text("shown") == kinds[i].shown);
}

TEST_CASE("an unreachable database is told without the password") {
    try {
        postgres::Session session{{.url = "postgresql://me:hunter2@127.0.0.1:1/none"}};
        FAIL("connected");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::unreachable);
        CHECK(describe(error).find("hunter2") == std::string::npos);
        CHECK(describe(error).find("127.0.0.1") != std::string::npos);
    }
}

TEST_CASE("a running private cluster is adopted, not started twice") {
    const test::Database database;
    const auto again = postgres::PrivateCluster::start(test::Database::state_dir());
    CHECK(again.adopted());
    CHECK(again.place().answers());
}
