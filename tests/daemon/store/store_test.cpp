// SPDX-License-Identifier: Apache-2.0
// The store and the leases on a real PostgreSQL: every promise about rows, revisions, fencing and refusals.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/daemon/store/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

using Fixture = test::StoreFixture;

const Day kDay = parse_day("2026-11-10").value();

platform::Sample sample(double value, const std::string& metric = "views", Day day = kDay,
                        const std::string& extra = "") {
    return {.metric = metric,
            .day = day,
            .value = value,
            .metadata = R"({"period":"day","final":true,"fetched_at":"x")" + extra + "}"};
}

}  // namespace

TEST_CASE("the same numbers twice change nothing; a restated one keeps the old value") {
    Fixture f;
    auto report = f.store_once({sample(1), sample(2, "likes")});
    CHECK(report.stored);
    CHECK(report.rows_written == 2);
    CHECK(report.rows_changed == 2);
    report = f.store_once({sample(1), sample(2, "likes")});
    CHECK(report.rows_written == 2);
    CHECK(report.rows_changed == 0);
    report = f.store_once({sample(5), sample(2, "likes")});
    CHECK(report.rows_changed == 1);
    CHECK(f.database.value("SELECT value || '/' || revision FROM analytics_snapshots WHERE metric = 'views'") == "5/1");
    CHECK(f.database.value("SELECT value || '/' || revision FROM snapshot_revisions") == "1/0");
    CHECK(f.database.value("SELECT first_seen_at < fetched_at FROM analytics_snapshots WHERE metric = 'views'") ==
          "true");
    CHECK(f.database.value("SELECT sum(rows_changed) FROM runs") == "3");
}

TEST_CASE("two requests of a run that give the same number write one row, and the later one is right") {
    Fixture f;
    const auto report =
        f.store_once({sample(1), sample(7, "likes"), sample(2), sample(3, "views", kDay - std::chrono::days{1})});
    CHECK(report.rows_written == 3);
    CHECK(report.rows_changed == 3);
    CHECK(
        f.database.value(
            "SELECT string_agg(metric || date || '=' || value, ' ' ORDER BY metric, date) FROM analytics_snapshots") ==
        "likes2026-11-10=7 views2026-11-09=3 views2026-11-10=2");
    CHECK(f.database.value("SELECT count(*) FROM snapshot_revisions") == "0");
}

TEST_CASE("the running day's progress overwrites without a revision") {
    Fixture f;
    const auto today = TimeZone::utc().day_of(now()) + std::chrono::days{1};  // not over, whatever the hour
    f.store_once({sample(1, "views", today)});
    CHECK(f.store_once({sample(9, "views", today)}).rows_changed == 1);
    CHECK(f.database.value("SELECT value || '/' || revision FROM analytics_snapshots") == "9/0");
    CHECK(f.database.value("SELECT count(*) FROM snapshot_revisions") == "0");
}

TEST_CASE("a partition that was dropped since its last use comes back, and nothing is refused") {
    Fixture f;
    f.store_once({sample(1)});
    f.database.execute(
        "DO $$ DECLARE t text; BEGIN FOR t IN SELECT inhrelid::regclass FROM pg_inherits "
        "WHERE inhparent IN ('runs'::regclass, 'analytics_snapshots'::regclass) LOOP "
        "EXECUTE 'DROP TABLE ' || t; END LOOP; END $$");
    const auto late = f.store_once({sample(2), sample(-3, "likes")});
    CHECK(late.stored);
    CHECK(late.refused.empty());
    CHECK(late.rows_changed == 2);
    CHECK(f.database.value("SELECT string_agg(metric || '=' || value, ' ' ORDER BY metric) FROM analytics_snapshots") ==
          "likes=-3 views=2");
    CHECK(f.database.value("SELECT count(*) || state FROM runs GROUP BY state") == "1succeeded");
}

TEST_CASE("a lost lease writes nothing at all") {
    Fixture f;
    const auto claimed = f.claim("n1", 1);
    REQUIRE(claimed.size() == 1);
    f.database.execute("UPDATE slots SET lease_token = lease_token + 1000");
    const auto report = f.store.store({f.result(claimed[0], {sample(1)})})[0];
    CHECK_FALSE(report.stored);
    for (const auto* table : {"analytics_snapshots", "runs", "coverage"})
        CHECK(f.database.value(std::string{"SELECT count(*) FROM "} + table) == "0");
}

TEST_CASE("a row that the database refuses costs only itself, in its run and in its batch") {
    Fixture f{3};
    f.database.execute("ALTER TABLE analytics_snapshots ADD CHECK (value <> 13)");
    auto claimed = f.claim("n1", 10);
    REQUIRE(claimed.size() == 3);
    std::vector<store::RunResult> runs;
    for (std::size_t i = 0; i < 3; ++i)
        runs.push_back(f.result(
            claimed[i], {sample(1), sample(i == 1 ? 13 : 2, "likes"), sample(3, "shares"),
                         sample(std::nan(""), "broken"), sample(4, "bad\xff"), sample(5, std::string(400, 'x'))}));
    const auto reports = f.store.store(runs);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(reports[i].stored);
        CHECK(reports[i].rows_changed == (i == 1 ? 2 : 3));
        CHECK(reports[i].refused.size() == (i == 1 ? 4 : 3));
    }
    CHECK(f.database.value("SELECT count(*) FROM analytics_snapshots") == "8");
    CHECK(f.database.value("SELECT count(*) FROM runs WHERE state = 'partial' AND error LIKE '%refused%'") == "3");
    CHECK(f.claim("n1", 10).size() == 3);
}

TEST_CASE("partitions of the past are made while a reader sits idle in a transaction") {
    Fixture f;
    f.store_once({sample(1)});
    auto reader = f.database.session("tally_reader");
    auto idle = reader.begin();
    idle.exec_text("SELECT count(*) FROM analytics_snapshots");
    CHECK(f.store_once({sample(1, "views", parse_day("2019-02-03").value())}).rows_changed == 1);
    CHECK(f.database.value("SELECT to_regclass('analytics_snapshots_2019_02') IS NOT NULL") == "true");
}

TEST_CASE("coverage comes back as it was stored, and learned attributes stay") {
    Fixture f;
    auto claimed = f.claim("n1", 1);
    auto run = f.result(claimed.at(0), {});
    const auto asked = parse_instant("2026-11-12T00:00:00Z").value();
    run.coverage["report"] = {{kDay, {platform::DayState::final, asked}},
                              {kDay + std::chrono::days{1}, {platform::DayState::provisional, asked}}};
    run.learned = {{"timezone", "Europe/Berlin"}, {"nul", std::string{"a\0b", 3}}, {"bad", "\xff"}};
    f.store.store({run});
    claimed = f.claim("n1", 1);
    CHECK(claimed.at(0).coverage == platform::Coverage{{"report", run.coverage["report"]}});
    // What the database cannot hold is left out, and the run is stored all the same.
    const std::map<std::string, std::string> kept{{"timezone", "Europe/Berlin"}};
    CHECK(claimed.at(0).attributes == kept);
}

TEST_CASE("two claims never share a slot; a dead node's leases are free, a living one's are not") {
    Fixture f{4};
    auto other = f.database.session();
    lease::LeaseRepository second{other};
    second.register_node({.id = "n2", .host = "h", .pid = 2, .version = "1"}, 60s);
    CHECK(f.claim("n1", 3).size() == 3);
    CHECK(f.claim("n2", 10).size() == 1);
    CHECK(f.claim("n2", 10).empty());
    f.database.execute("UPDATE nodes SET alive_until = now() - interval '1 s' WHERE node_id = 'n1'");
    const auto taken = f.claim("n2", 10);
    REQUIRE(taken.size() == 3);
    CHECK(taken[0].lease.attempt == 2);
    second.release({taken[0].lease});
    CHECK(f.claim("n2", 10).size() == 1);
    second.register_node({.id = "n2", .host = "h", .pid = 3, .version = "1"}, 60s);
    CHECK_MESSAGE(f.claim("n2", 10).size() == 4, "a new life of the node frees what the old one held");
}

TEST_CASE("a dead token ends what waits for the connection, a new token puts it back to work") {
    Fixture f;
    auto claimed = f.claim("n1", 1);
    store::Registry registry{f.session, f.vault, test::slots_in(0s)};
    const auto group =
        registry.trigger({.user_id = "u", .platform = std::nullopt, .account_id = std::nullopt, .days = std::nullopt});
    CHECK(group.connections == 1);
    auto run = f.result(claimed.at(0), {});
    run.state = "failed";
    run.error = "expired";
    run.connection_state = "needs_authorization";
    f.store.store({run});
    CHECK(f.database.value("SELECT state FROM connections") == "needs_authorization");
    CHECK(f.database.value("SELECT due_at = 'infinity' FROM slots") == "true");
    CHECK(f.database.value("SELECT state FROM triggers") == "failed");
    registry.put_connection({.name = {"u", "youtube", "a1"},
                             .attributes = {},
                             .credential = Secret{"{}"},
                             .expires_at = std::nullopt,
                             .source = "test"});
    CHECK(f.database.value("SELECT state FROM connections") == "active");
    CHECK(f.claim("n1", 1).size() == 1);
    CHECK(f.database.value("SELECT count(*) FROM consents WHERE granted") == "2");
}

TEST_CASE("the vault opens only for the same owner and key") {
    const store::Vault vault{Secret{std::string(32, 'k')}}, other{Secret{std::string(32, 'j')}};
    const auto key = vault.make_user_key("u");
    const auto sealed = vault.seal(key, {"u", "youtube", "a"}, Secret{"hunter2"});
    CHECK(vault.open(key, {"u", "youtube", "a"}, sealed).reveal() == "hunter2");
    CHECK(std::string(sealed.begin(), sealed.end()).find("hunter2") == std::string::npos);
    CHECK_THROWS_AS(vault.open(key, {"u", "youtube", "b"}, sealed), Error);
    CHECK_THROWS_AS(vault.open(key, {"v", "youtube", "a"}, sealed), Error);
    CHECK_THROWS_AS(other.open(key, {"u", "youtube", "a"}, sealed), Error);
    auto changed = sealed;
    changed.back() ^= 1U;
    CHECK_THROWS_AS(vault.open(key, {"u", "youtube", "a"}, changed), Error);
    CHECK(store::Vault::parse_key(Secret{std::string(64, 'a')}).reveal() == std::string(32, '\xaa'));
    CHECK_THROWS_AS(store::Vault::parse_key(Secret{"short"}), Error);
}
