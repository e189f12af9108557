// SPDX-License-Identifier: Apache-2.0
// The views for programs that read the numbers, and the statement that reads them as series, on a real PostgreSQL.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/analysis/series.hpp"
#include "tests/support/database.hpp"

using namespace tally;

namespace {

struct Fixture {
    Fixture() {
        database.execute(
            "SELECT ensure_snapshot_month(m) FROM unnest('{2026-10-01,2026-11-01}'::date[]) m;"
            "INSERT INTO users (user_id, tier) VALUES ('u', 'free'), ('v', 'free');"
            "INSERT INTO metrics (platform, metric, unit, additive) VALUES ('p', 'views', 'count', true), ('p', "
            "'reach', 'count', "
            "false), ('p', 'spend', 'micro_currency', true)");
    }
    void add(const std::string& metric, const char* day, double value, const std::string& more = "",
             const std::string& account = "a", const std::string& user = "u") const {
        database.execute(fmt::format(
            "INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, metadata, "
            "fetched_at, "
            "run_id, first_seen_at) VALUES ('{}', 'p', '{}', 'social_media', '{}', {}, '{}', "
            "'{{\"period\": \"day\", \"unit\": \"count\", \"final\": true}}'::jsonb || '{{{}}}', now(), 1, now())",
            user, account, metric, value, day, more));
    }
    /// Rows of one text column, joined by "; ".
    std::string rows(const std::string& select) const {
        return database.value("SELECT coalesce(string_agg(t.x, '; '), '') FROM (" + select + ") t(x)");
    }

    test::Database database;
};

}  // namespace

TEST_CASE("each number says how several days of it become one") {
    Fixture f;
    f.add("views", "2026-11-10", 1);
    f.add("views.type.reel", "2026-11-10", 1);
    f.add("reach", "2026-11-10", 1);
    f.add("followers", "2026-11-10", 1, R"("period": "now")");
    f.add("unheard_of", "2026-11-10", 1);
    CHECK(f.rows("SELECT metric || ' ' || summary FROM snapshots_described ORDER BY metric") ==
          "followers latest; reach average; unheard_of average; views total; views.type.reel total");
}

TEST_CASE("the newest number of each metric") {
    Fixture f;
    f.add("views", "2026-10-31", 1);
    f.add("views", "2026-11-02", 3, R"("final": false)");
    f.add("views", "2026-11-01", 2);
    f.add("views", "2026-11-01", 9, "", "b");
    CHECK(f.rows("SELECT account_id || ' ' || date || ' ' || value || ' ' || final FROM snapshots_current WHERE "
                 "user_id = 'u' ORDER "
                 "BY account_id") == "a 2026-11-02 3 false; b 2026-11-01 9 true");
}

TEST_CASE("days are added up over accounts, but neither people reached nor two currencies") {
    Fixture f;
    f.add("views", "2026-11-01", 1);
    f.add("views", "2026-11-01", 2, R"("final": false)", "b");
    f.add("reach", "2026-11-01", 5);
    f.add("spend", "2026-11-01", 10, R"("currency": "EUR")");
    f.add("spend", "2026-11-01", 20, R"("currency": "USD")", "b");
    f.add("views", "2026-11-01", 100, "", "a", "v");
    CHECK(f.rows(
              "SELECT metric || ' ' || value || ' ' || coalesce(currency, '-') || ' ' || accounts || ' ' || final FROM "
              "snapshots_daily WHERE user_id = 'u' ORDER BY metric, currency") ==
          "spend 10 EUR 1 true; spend 20 USD 1 true; views 3 - 2 false");
}

TEST_CASE("weeks are held against the week before, when both are whole") {
    Fixture f;
    const auto weeks = [&](const char* metric) {
        return f.rows(
            fmt::format("SELECT week || ' ' || value || ' ' || coalesce(value_before::text, '-') || ' ' || "
                        "coalesce(change::text, '-') || ' ' || days "
                        "FROM snapshots_weekly WHERE user_id = 'u' AND metric = '{}' ORDER BY week",
                        metric));
    };
    for (const auto* day : {"2026-10-26", "2026-11-01", "2026-11-02", "2026-11-08", "2026-11-09"}) {
        f.add("views", day, 10);
        f.add("reach", day, 10);
        f.add("followers", day, std::stod(std::string{day}.substr(8)), R"("period": "now")");
    }
    CHECK(weeks("views") == "2026-10-26 20 - - 2; 2026-11-02 20 20 0 2; 2026-11-09 10 20 - 1");
    CHECK(weeks("reach") == "2026-10-26 10 - - 2; 2026-11-02 10 10 0 2; 2026-11-09 10 10 0 1");
    CHECK(weeks("followers") == "2026-10-26 1 - - 2; 2026-11-02 8 1 7 2; 2026-11-09 9 8 1 1");
    f.database.execute("DELETE FROM analytics_snapshots WHERE date BETWEEN '2026-11-02' AND '2026-11-08'");
    CHECK(weeks("views") == "2026-10-26 20 - - 2; 2026-11-09 10 - - 1");  // not against the week before the one before
}

TEST_CASE("a reader may read all of it") {
    Fixture f;
    auto session = f.database.session("tally_reader");
    for (const auto* name : {"metrics", "snapshots_described", "snapshots_current", "snapshots_daily",
                             "snapshots_weekly", "snapshots_coverage"})
        CHECK_NOTHROW(session.begin_read_only().exec_text(fmt::format("SELECT * FROM {}", name)));
}

TEST_CASE("series come whole, in order, and only those that are asked for") {
    Fixture f;
    f.add("views", "2026-11-02", 2.5, R"("final": false)");
    f.add("views", "2026-10-31", 1);
    f.add("views", "2026-11-20", 7);
    f.add("views.type.reel", "2026-11-01", 4);
    f.add("reach", "2026-11-01", 5, "", "b");
    f.add("views", "2026-11-01", 100, "", "a", "v");
    auto session = f.database.session("tally_reader");
    using List = std::optional<std::vector<std::string>>;
    const auto read = [&](const List& users, const List& metrics, bool broken_down) {
        auto transaction = session.begin_read_only();
        std::vector<analysis::Series> found;
        for (const auto& row : transaction.exec(
                 "metric_series", {users, std::nullopt, std::nullopt, std::nullopt, std::nullopt, metrics,
                                   parse_day("2026-10-31").value(), parse_day("2026-11-10").value(), broken_down}))
            found.push_back(analysis::parse_series(row.view("series")));
        return found;
    };
    const List one{{"u"}};
    const auto series = read(one, std::nullopt, false);
    REQUIRE(series.size() == 2);
    CHECK(series[0].metric == "views");
    CHECK(series[0].summary == analysis::Summary::total);
    REQUIRE(series[0].points.size() == 2);
    CHECK(series[0].points[0] == analysis::Point{parse_day("2026-10-31").value(), 1, true});
    const auto& open = series[0].points[1];
    CHECK(open == analysis::Point{parse_day("2026-11-02").value(), 2.5, false, open.fetched_at});
    CHECK(open.fetched_at);
    CHECK(series[1].account_id == "b");
    CHECK(read(one, std::nullopt, true).size() == 3);
    CHECK(read(one, List{{"views%"}}, true).size() == 2);
    CHECK(read(std::nullopt, std::nullopt, false).size() == 3);
    CHECK(read(List{{"nobody"}}, std::nullopt, false).empty());
}
