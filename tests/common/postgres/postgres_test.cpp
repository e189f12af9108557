// SPDX-License-Identifier: Apache-2.0
// Statements, migrations, roles and sessions on a real PostgreSQL.
#include <doctest/doctest.h>

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
        transaction.copy("texts", {"id", "text"}, [&](std::vector<postgres::Param>& row) {
            if (left == 0) return false;
            row[0] = left;
            row[1] = --left == 0 ? postgres::Param{std::nullopt} : postgres::Param{nasty};
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
