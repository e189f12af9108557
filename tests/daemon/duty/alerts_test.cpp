// SPDX-License-Identifier: Apache-2.0
// The duty that looks for trouble, and the outbox, on a real PostgreSQL.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "daemon/alert/outbox.hpp"
#include "tests/daemon/duty/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

struct Fixture : test::DutyFixture {
    Fixture() {
        rules.config.state_dir = "/";
        rules.config.alerts.disk = 0;
        rules.config.alerts.channels["ops"].command = "/bin/true";
        rules.config.alerts.channels["mail"].command = "/bin/true";
        for (const auto& [name, tier] : rules.config.tiers)
            rules.schedules.emplace(name, schedule::make_schedule(tier));
        database.execute("INSERT INTO users (user_id, tier) VALUES ('u', 'premium')");
    }
    /// Kinds and subjects of open alerts.
    std::string open() const {
        return database.value(
            "SELECT coalesce(string_agg(kind || ' ' || subject, ', ' ORDER BY kind, subject), '') FROM alerts WHERE "
            "resolved_at IS NULL");
    }
    void age() const {
        database.execute(
            "UPDATE alerts SET raised_at = raised_at - interval '1 min', told_at = told_at - interval '1 h'");
    }
    std::string titles() const {
        return database.value(
            "SELECT coalesce(string_agg(channel || ': ' || (message ->> 'title'), ', ' ORDER BY message_id), '') FROM "
            "outbox");
    }
    std::string connection(const std::string& account, const std::string& due) const {
        database.execute(fmt::format(
            "INSERT INTO connections (user_id, platform, account_id, credential) VALUES ('u', 'youtube', '{0}', '');"
            "INSERT INTO slots (connection_id, lane, slack, collect_at, slot_at) SELECT connection_id, 'youtube', 900, "
            "{1}, {1}"
            "  FROM connections WHERE account_id = '{0}'",
            account, due));
        return database.value(fmt::format("SELECT connection_id FROM connections WHERE account_id = '{}'", account));
    }
};

}  // namespace

TEST_CASE("collections that are far behind their deadline are an alert until they are served") {
    Fixture f;
    const auto id = f.connection("a", "now() - interval '44 min'");  // the deadline was 29 minutes ago
    f.run("alerts");
    CHECK(f.open().empty());
    f.database.execute("UPDATE slots SET collect_at = now() - interval '46 min'");
    f.run("alerts");
    CHECK(f.open() == "backlog youtube");
    f.database.execute("UPDATE slots SET collect_at = now() + interval '15 min'");
    f.run("alerts");
    CHECK(f.open().empty());
}

TEST_CASE("a tier without numbers is an alert, one that never had any or has no users is none") {
    Fixture f;
    const auto stats = [&](const char* tier, const char* success) {
        f.database.execute(
            fmt::format("INSERT INTO run_stats (hour, tier, platform, node, succeeded, partial, failed, requests, "
                        "rows_written, rows_changed, lateness, "
                        "last_finished_at, last_success_at) VALUES (date_trunc('hour', now()), '{}', 'youtube', 'n1', "
                        "0, 0, 1, 1, 0, 0, '{{}}', now(), {})",
                        tier, success));
    };
    stats("free", "now() - interval '3 days'");  // nobody has this tier
    stats("premium", "NULL");
    f.run("alerts");
    CHECK(f.open().empty());
    // A quarter of an hour to the next slot, as much slack, and an hour.
    f.database.execute("UPDATE run_stats SET last_success_at = now() - interval '89 min' WHERE tier = 'premium'");
    f.run("alerts");
    CHECK(f.open().empty());
    f.database.execute("UPDATE run_stats SET last_success_at = now() - interval '91 min' WHERE tier = 'premium'");
    f.run("alerts");
    CHECK(f.open() == "stale premium");
}

TEST_CASE("a full disk is an alert") {
    Fixture f;
    f.rules.config.alerts.disk = 101;
    f.run("alerts");
    CHECK(f.open().starts_with("disk "));
    f.rules.config.alerts.disk = 0;
    f.run("alerts");
    CHECK(f.open().empty());
}

TEST_CASE("each alert is told once to every channel, and its end too") {
    Fixture f;
    const auto raise = [&](const char* subject) {
        f.database.execute(
            fmt::format("INSERT INTO alerts (kind, subject, message) VALUES ('given_up', '{}', 'why')", subject));
    };
    raise("one");
    CHECK_FALSE(f.run("alerts").changed);  // it may pass
    f.age();
    CHECK(f.run("alerts").words == "told 1 thing");
    CHECK(f.titles() == "mail: a collection was given up, ops: a collection was given up");
    CHECK_FALSE(f.run("alerts").changed);
    raise("two");
    raise("three");
    f.age();
    f.run("alerts");
    CHECK(f.database.value("SELECT message ->> 'title' FROM outbox ORDER BY message_id DESC LIMIT 1") ==
          "2 collections were given up");
    f.database.execute("UPDATE alerts SET resolved_at = now()");
    f.run("alerts");
    CHECK(f.database.value("SELECT message ->> 'title' FROM outbox ORDER BY message_id DESC LIMIT 1") ==
          "over: 3 collections were given up");
    CHECK_FALSE(f.run("alerts").changed);
}

TEST_CASE("without channels nothing is told, and nothing is forgotten") {
    Fixture f;
    f.database.execute(
        "INSERT INTO alerts (kind, subject, message, raised_at) VALUES ('given_up', 'one', '', now() - interval '1 "
        "h')");
    const auto channels = std::exchange(f.rules.config.alerts.channels, {});
    f.run("alerts");
    CHECK(f.titles().empty());
    f.rules.config.alerts.channels = channels;
    f.run("alerts");
    CHECK_FALSE(f.titles().empty());
}

TEST_CASE("a message is tried by one at a time, again when it fails, and given up loudly") {
    Fixture f;
    f.database.execute(
        "INSERT INTO alerts (kind, subject, message, raised_at) VALUES ('given_up', 'one', '', now() - interval '1 "
        "h')");
    f.rules.config.alerts.channels.erase("mail");
    f.run("alerts");
    alert::Outbox first{f.session1}, second{f.session2};
    const auto claimed = first.claim(alert::Outbox::What::messages, 4, 60s);
    REQUIRE(claimed.size() == 1);
    CHECK(claimed[0].attempt == 1);
    CHECK(claimed[0].channel == "ops");
    CHECK(second.claim(alert::Outbox::What::messages, 4, 60s).empty());

    // Whoever claimed it is dead: another one tries, and the end of the first counts no more.
    f.database.execute("UPDATE outbox SET send_at = now()");
    const auto again = second.claim(alert::Outbox::What::messages, 4, 60s);
    REQUIRE(again.size() == 1);
    CHECK(again[0].attempt == 2);
    first.sent(claimed[0]);
    CHECK(f.database.value("SELECT sent_at IS NULL FROM outbox") == "true");
    second.failed(again[0], "connection refused", 10s);
    CHECK(
        f.database.value(
            "SELECT send_at BETWEEN now() AND now() + interval '10 s' AND error = 'connection refused' FROM outbox") ==
        "true");

    f.database.execute("UPDATE outbox SET send_at = now()");
    const auto last = first.claim(alert::Outbox::What::messages, 4, 60s);
    REQUIRE(last.size() == 1);
    first.failed(last[0], "connection refused", std::nullopt);
    CHECK(f.database.value("SELECT failed_at IS NOT NULL FROM outbox") == "true");
    CHECK(f.open() == "given_up one, undelivered ops");
    CHECK(first.claim(alert::Outbox::What::messages, 4, 60s).empty());

    // The next message that arrives ends it.
    f.database.execute("UPDATE alerts SET told_at = NULL WHERE kind = 'given_up'");
    f.run("alerts");
    const auto next = first.claim(alert::Outbox::What::messages, 4, 60s);
    REQUIRE(next.size() == 1);
    first.sent(next[0]);
    CHECK(f.open() == "given_up one");
}

TEST_CASE("a lower tier's retention bites after the grace") {
    Fixture f;
    f.rules.config.tiers["free"].retention = std::chrono::days{30};
    f.rules.config.tiers["premium"].retention = std::chrono::days{90};
    f.database.execute(
        "SELECT ensure_snapshot_month(d::date) FROM generate_series(date_trunc('month', current_date - 100), "
        "current_date, '1 month') d;"
        "INSERT INTO analytics_snapshots (user_id, platform, account_id, source, metric, value, date, fetched_at, "
        "run_id, first_seen_at) "
        "SELECT 'u', 'youtube', 'a', 's', 'm', 1, (now() AT TIME ZONE 'UTC')::date - d, now(), 1, now() FROM "
        "generate_series(1, 100) d;"
        "UPDATE users SET tier = 'free'");
    const auto oldest = [&] {
        return f.database.value("SELECT max((now() AT TIME ZONE 'UTC')::date - date) FROM analytics_snapshots");
    };
    f.run("retention");
    CHECK(oldest() == "90");
    f.database.execute("UPDATE users SET tier_since = now() - interval '8 days'");
    f.run("retention");
    CHECK(oldest() == "30");
}
