// SPDX-License-Identifier: Apache-2.0
// Parameters of a COPY, which must be literals and must not be able to become SQL.
#include "cli/copy_out.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"
#include "common/postgres/session.hpp"
#include "common/postgres/statements.hpp"

using namespace tally;
using namespace tally::cli;

TEST_CASE("parameters become literals") {
    CHECK(with_literals("SELECT $2, $1, $2", {"a", std::nullopt}) ==
          "SELECT NULL, " + postgres::quote_literal("a") + ", NULL");
    CHECK(with_literals("SELECT 1", {}) == "SELECT 1");
    const std::vector<std::optional<std::string>> eleven(11, "x");
    CHECK(with_literals("$11", eleven) == postgres::quote_literal("x"));
}

TEST_CASE("a value is not read as SQL, nor as another parameter") {
    const std::string hostile = "'; DROP TABLE users; --\\' $1 $2";
    const auto sql = with_literals("SELECT $1", {hostile});
    CHECK(sql == "SELECT " + postgres::quote_literal(hostile));
    // Every quote inside is doubled: taking the pairs out leaves the two around the literal.
    std::size_t quotes = 0;
    for (const char c : sql) quotes += c == '\'' ? 1 : 0;
    CHECK(quotes == 2 + 2 * 2);
}

TEST_CASE("an unknown parameter is a bug, not an empty text") {
    CHECK_THROWS_AS(with_literals("SELECT $2", {"a"}), Error);
    CHECK_THROWS_AS(with_literals("SELECT $0", {"a"}), Error);
    CHECK_THROWS_AS(with_literals("SELECT $", {"a"}), Error);
}

TEST_CASE("the export's statements take their parameters, name their view once, and choose the same rows") {
    std::string conditions;
    for (const auto* name : {"export_snapshots", "export_metrics", "export_by_day"}) {
        CAPTURE(name);
        const auto sql = with_literals(postgres::statement(name), {"{u}", "{t}", "{p}", "{a}", "{s}", "{m%}",
                                                                   "2026-01-01", std::nullopt, std::nullopt, "10001"});
        CHECK(sql.find('$') == std::string::npos);
        CHECK(sql.find("snapshots_export") == sql.rfind("snapshots_export"));
        CHECK(sql.find("2026-01-01") != std::string::npos);
        const auto begin = sql.find(" WHERE "), end = sql.find(" ORDER BY ");
        REQUIRE(begin < end);
        const auto own = sql.substr(begin, end - begin);
        if (conditions.empty()) conditions = own;
        CHECK(own == conditions);
    }
}
