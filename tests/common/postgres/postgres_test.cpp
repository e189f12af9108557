// SPDX-License-Identifier: Apache-2.0
// Statements, migrations, roles and sessions on a real PostgreSQL.
#include <doctest/doctest.h>

#include <limits>
#include <numeric>

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

TEST_CASE("values are read in the form in which they are sent, and as nothing else") {
    using postgres::Field, postgres::Type;
    const auto sent = [](auto add) {
        std::string out;
        postgres::CopyRow row{out};
        add(row);
        return out.substr(sizeof(std::int32_t));  // behind the length
    };
    for (const auto number : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{258}}) {
        const auto bytes = sent([&](auto& row) { row.add_int8(number); });
        CHECK(Field{.column = "n", .type = Type::int8, .data = bytes}.integer() == number);
    }
    const auto four = sent([](auto& row) { row.add_int4(-7); });
    CHECK(Field{.column = "n", .type = Type::int4, .data = four}.integer() == -7);
    CHECK(Field{.column = "n", .type = Type::int2, .data = four.substr(2)}.integer() == -7);
    for (const auto moment : {postgres::kNever, Instant::min(), parse_instant("1999-12-31T23:59:59.999999Z").value()}) {
        const auto bytes = sent([&](auto& row) { row.add_timestamptz(moment); });
        CHECK(Field{.column = "t", .type = Type::timestamptz, .data = bytes}.instant() == moment);
    }
    const auto day = parse_day("1969-07-20").value();
    const auto day_bytes = sent([&](auto& row) { row.add_date(day); });
    CHECK(Field{.column = "d", .type = Type::date, .data = day_bytes}.day() == day);
    const auto yes = sent([](auto& row) { row.add_bool(true); });
    CHECK(Field{.column = "b", .type = Type::boolean, .data = yes}.boolean());
    const auto json = sent([](auto& row) { row.add_jsonb("{}"); });
    CHECK(Field{.column = "j", .type = Type::jsonb, .data = json}.text() == "{}");
    CHECK(Field{.column = "x", .type = Type::bytea, .data = {"\0\xff", 2}}.bytes() == postgres::Bytes{0, 255});

    constexpr auto kNumeric = Type{1700};
    for (const auto type : {kNumeric, Type::int8, Type::jsonb}) {
        const Field field{.column = "sum", .type = type, .data = {}};
        CAPTURE(static_cast<std::uint32_t>(type));
        CHECK_THROWS_WITH_AS(field.integer(), doctest::Contains("column 'sum' is no whole number"), Error);
        CHECK_THROWS_AS(field.text(), Error);
        CHECK_THROWS_AS(field.instant(), Error);
        CHECK_THROWS_AS(field.day(), Error);
        CHECK_THROWS_AS(field.boolean(), Error);
        CHECK_THROWS_AS(field.bytes(), Error);
    }
}

TEST_CASE("arrays arrive as they were, with NULLs and without elements") {
    const test::Database database;
    auto session = database.session("");
    auto transaction = session.begin();
    transaction.exec_text("SET LOCAL session_replication_role = replica");  // no connection is needed
    const auto slot = parse_instant("2026-11-21T02:00:00.000001Z").value();
    const std::string nasty = "quote \" back \\ comma , {brace} NULL ü";
    const auto record = [&](std::vector<std::string> reasons, std::vector<std::optional<std::int64_t>> runs) {
        const auto count = reasons.size();
        const std::vector<Instant> slots(count, slot);
        std::vector<std::int64_t> ids(count);
        std::iota(ids.begin(), ids.end(), -1);
        transaction.exec("record_exceptions",
                         {std::move(ids), slots, slots, std::vector<std::int64_t>(count, 1),
                          std::vector<std::string>(count, "skipped"), std::move(reasons), std::move(runs)});
    };
    record({}, {});
    record({nasty, ""}, {std::nullopt, -5});
    const auto rows = transaction.exec_text(
        "SELECT connection_id, reason, run_id, slot_at, slots FROM slot_exceptions ORDER BY connection_id");
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].integer("connection_id") == -1);
    CHECK(rows[0].text("reason") == nasty);
    CHECK(rows[0].is_null("run_id"));
    CHECK(rows[0].instant("slot_at") == slot);
    CHECK(rows[1].text("reason").empty());
    CHECK(rows[1].integer("run_id") == -5);
    CHECK(rows[1].integer("slots") == 1);
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
