// SPDX-License-Identifier: Apache-2.0
// What a run tells of the platform's health: refused metrics, for one connection or for all, and alerts.
#include <doctest/doctest.h>

#include <thread>

#include "tests/daemon/store/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

using Fixture = test::StoreFixture;
using Refusal = store::RunResult::Refusal;

Refusal refusal(const std::string& metric = "dislikes", const std::string& message = "not for you") {
    return {.request = "daily",
            .metric = metric,
            .code = "badRequest",
            .message = message,
            .expected = false,
            .last_answered = std::nullopt};
}

void refuse(Fixture& f, std::int64_t connection, const Refusal& what = refusal()) {
    CHECK(f.run(connection, [&](store::RunResult& run) { run.refusals = {what}; }).stored);
}

void answer(Fixture& f, std::int64_t connection, const std::string& metric = "dislikes") {
    CHECK(f.run(connection, [&](store::RunResult& run) { run.answered_again = {{"daily", metric}}; }).stored);
}

/// "connection request.metric; …" of all rows.
std::string quarantined(const Fixture& f) {
    return f.database.value(
        "SELECT coalesce(string_agg(connection_id || ' ' || request || '.' || metric, '; ' ORDER BY connection_id, "
        "metric), '') "
        "FROM quarantine");
}

/// "kind subject seen" of the open alerts.
std::string alerts(const Fixture& f) {
    return f.database.value(
        "SELECT coalesce(string_agg(kind || ' ' || subject || ' ' || seen, '; ' ORDER BY kind, subject), '') "
        "FROM alerts WHERE resolved_at IS NULL");
}

const platform::MetricSets kDislikes{{"daily", {"dislikes"}}};

}  // namespace

TEST_CASE("a refused metric is left out by its connection alone, and tried again by its probe") {
    Fixture f{2};
    refuse(f, 1);
    CHECK(f.database.value("SELECT probe_at - now() BETWEEN '5 h 59 min' AND '6 h' FROM quarantine") == "true");
    auto claimed = f.claim("n1", 10);
    REQUIRE(claimed.size() == 2);
    for (const auto& assignment : claimed) {
        CHECK(assignment.refused == (assignment.lease.connection_id == 1 ? kDislikes : platform::MetricSets{}));
        CHECK(assignment.probe.empty());
        f.leases.release({assignment.lease});
    }
    f.database.execute("UPDATE quarantine SET probe_at = now() - interval '1 s', since = now() - interval '1 day'");
    auto due = f.leases.claim_one("n1", 1);
    REQUIRE(due);
    CHECK(due->probe == kDislikes);
    CHECK(due->refused.empty());
    f.leases.release({due->lease});

    refuse(f, 1, refusal("dislikes", "still not"));
    CHECK(quarantined(f) == "1 daily.dislikes");
    CHECK(f.database.value("SELECT message || ' ' || (probe_at > now()) || ' ' || (since < now() - interval '23 h') "
                           "FROM quarantine") == "still not true true");
}

TEST_CASE("three connections that are refused while none gets it: refused for all, one row, one alert") {
    Fixture f{4};
    refuse(f, 1);
    refuse(f, 2);
    CHECK(quarantined(f) == "1 daily.dislikes; 2 daily.dislikes");
    refuse(f, 2);
    CHECK_MESSAGE(quarantined(f) == "1 daily.dislikes; 2 daily.dislikes", "the same connection again is no third one");
    const auto first = f.database.value("SELECT min(since) FROM quarantine");
    refuse(f, 3);
    CHECK(quarantined(f) == "0 daily.dislikes");
    CHECK(f.database.value("SELECT min(since) FROM quarantine") == first);
    CHECK(f.database.value("SELECT code || ': ' || message FROM quarantine") == "badRequest: not for you");
    CHECK(alerts(f) == "metric_refused youtube dislikes 4");
    // It is nobody's own any more: each node knows it from the row for all.
    for (const auto& assignment : f.claim("n1", 10)) CHECK(assignment.refused.empty());
}

TEST_CASE("an answer that another connection got lately speaks against a refusal for all") {
    Fixture f{5};
    refuse(f, 1);
    refuse(f, 2);
    auto later = refusal();
    later.last_answered = now();
    refuse(f, 3, later);
    refuse(f, 4, later);
    CHECK(quarantined(f) == "1 daily.dislikes; 2 daily.dislikes; 3 daily.dislikes; 4 daily.dislikes");
    refuse(f, 5, later);  // the third one since then
    CHECK(quarantined(f) == "0 daily.dislikes");
}

TEST_CASE("another request or metric is another matter") {
    Fixture f{3};
    refuse(f, 1, refusal("likes"));
    refuse(f, 2, refusal("shares"));
    auto elsewhere = refusal("likes");
    elsewhere.request = "by_content_type";
    refuse(f, 3, elsewhere);
    refuse(f, 2, refusal("likes"));
    CHECK(quarantined(f) == "1 daily.likes; 2 daily.likes; 2 daily.shares; 3 by_content_type.likes");
}

TEST_CASE("what not every account has is remembered for a week, without an alert and never for all") {
    Fixture f{4};
    auto expected = refusal("estimatedRevenue");
    expected.expected = true;
    for (const std::int64_t connection : {1, 2, 3, 4}) refuse(f, connection, expected);
    CHECK(f.database.value("SELECT count(*) FROM quarantine WHERE connection_id <> 0 "
                           "AND probe_at - now() BETWEEN '6 days 23 h' AND '7 days'") == "4");
    CHECK(alerts(f).empty());
}

TEST_CASE("an answer ends the quarantine for all, resolves the alert, and the next refusal raises a new one") {
    Fixture f{4};
    for (const std::int64_t connection : {1, 2, 3}) refuse(f, connection);
    CHECK(quarantined(f) == "0 daily.dislikes");
    answer(f, 4);  // whoever made the probe
    CHECK(quarantined(f).empty());
    CHECK(alerts(f).empty());
    CHECK(f.database.value("SELECT count(*) FROM alerts WHERE resolved_at IS NOT NULL") == "1");
    refuse(f, 4);
    CHECK(alerts(f) == "metric_refused youtube dislikes 1");
    CHECK(f.database.value("SELECT count(*) FROM alerts") == "2");
}

TEST_CASE("an answer to one connection leaves the refusals of others alone") {
    Fixture f{2};
    refuse(f, 1);
    refuse(f, 2);
    refuse(f, 1, refusal("likes"));
    answer(f, 1);
    CHECK(quarantined(f) == "1 daily.likes; 2 daily.dislikes");
}

TEST_CASE("an alert about a metric stays until nobody is refused it any more") {
    Fixture f{3};
    refuse(f, 1);
    refuse(f, 2);
    answer(f, 1);
    CHECK(alerts(f) == "metric_refused youtube dislikes 2");
    auto elsewhere = refusal();
    elsewhere.request = "by_content_type";
    refuse(f, 3, elsewhere);
    answer(f, 2);
    CHECK_MESSAGE(alerts(f) == "metric_refused youtube dislikes 3", "another request is refused the same metric");
    f.run(3, [](store::RunResult& run) { run.answered_again = {{"by_content_type", "dislikes"}}; });
    CHECK(alerts(f).empty());
}

TEST_CASE("an alert says whom a refusal concerns, since when, and what to use instead") {
    Fixture f{5};
    const auto message = [&] { return f.database.value("SELECT message FROM alerts WHERE resolved_at IS NULL"); };
    refuse(f, 1);
    f.database.execute("UPDATE quarantine SET since = '2020-01-03 23:00+00'");
    auto what = refusal();
    what.replaced_by = "reactions";
    refuse(f, 2, what);
    CHECK(message() == "not for you; use 'reactions' instead; refused to 2 connections since 2020-01-03");
    what.message = "gone; use 'reactions' instead";
    refuse(f, 2, what);
    CHECK(message() == "gone; use 'reactions' instead; refused to 2 connections since 2020-01-03");
    refuse(f, 3);
    CHECK(message() == "not for you; refused to all 5 connections since 2020-01-03");
}

TEST_CASE("what a connection was refused is forgotten with it, and does not count any more") {
    Fixture f{5};
    store::Registry registry{f.session, f.vault, test::slots_in(-1h)};
    refuse(f, 1);
    refuse(f, 1, refusal("likes"));
    refuse(f, 2);
    registry.remove_connection({"u", "youtube", "a1"});
    CHECK(quarantined(f) == "2 daily.dislikes");
    CHECK_MESSAGE(alerts(f) == "metric_refused youtube dislikes 2", "nobody is refused the other one any more");
    refuse(f, 3);
    CHECK_MESSAGE(quarantined(f) == "2 daily.dislikes; 3 daily.dislikes", "two that are there do not convince");
    refuse(f, 4);
    CHECK(quarantined(f) == "0 daily.dislikes");
    refuse(f, 5, refusal("shares"));
    registry.remove_user("u");
    CHECK_MESSAGE(quarantined(f) == "0 daily.dislikes", "what is refused for all is nobody's own");
    CHECK(alerts(f) == "metric_refused youtube dislikes 4");
}

TEST_CASE("a run that is stored while its connection is removed leaves no refusal behind") {
    Fixture f;
    const auto claimed = f.leases.claim_one("n1", 1);
    REQUIRE(claimed);
    auto other = f.database.session();
    auto storing = other.begin();
    CHECK(storing.exec("lock_leases", {std::vector<std::int64_t>{1}, std::vector<std::int64_t>{claimed->lease.token}})
              .size() == 1);
    std::thread removing{[&] {
        auto session = f.database.session();
        store::Registry registry{session, f.vault, test::slots_in(0s)};
        registry.remove_connection({"u", "youtube", "a1"});
    }};
    f.database.wait_until("EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)");
    storing.exec("add_quarantine", {1, "youtube", "daily", "dislikes", 60, "c", "m"});
    storing.commit();
    removing.join();
    CHECK(quarantined(f).empty());
}

TEST_CASE("a request that is refused whole is named in its alert") {
    Fixture f;
    refuse(f, 1, refusal(""));
    auto other = refusal("");
    other.request = "revenue";
    refuse(f, 1, other);
    CHECK(quarantined(f) == "1 daily.; 1 revenue.");
    CHECK(alerts(f) == "metric_refused youtube daily 1; metric_refused youtube revenue 1");
    answer(f, 1, "");
    CHECK(alerts(f) == "metric_refused youtube revenue 1");
    CHECK(f.leases.claim_one("n1", 1)->refused == platform::MetricSets{{"revenue", {""}}});
}

TEST_CASE("alerts: one open row for a cause, however often it is seen, until it is over") {
    Fixture f{2};
    const auto tell = [&](const std::string& subject, const std::string& message) {
        f.run(1, [&](store::RunResult& run) {
            run.alerts = {{.kind = "version_drift", .subject = subject, .message = message}};
        });
    };
    tell("youtube", "");  // over before it began: nothing
    CHECK(f.database.value("SELECT count(*) FROM alerts") == "0");
    tell("youtube", "answers as v1");
    tell("youtube", "answers as v3");
    tell("facebook", "answers as v26.0");
    CHECK(alerts(f) == "version_drift facebook 1; version_drift youtube 2");
    CHECK(f.database.value("SELECT message FROM alerts WHERE subject = 'youtube'") == "answers as v3");
    CHECK(f.database.value("SELECT raised_at < last_seen_at FROM alerts WHERE subject = 'youtube'") == "true");
    tell("youtube", "");
    CHECK(alerts(f) == "version_drift facebook 1");
}

TEST_CASE("a connection that stops tells a person, by name") {
    Fixture f;
    f.run(1, [](store::RunResult& run) {
        run.state = "failed";
        run.error = "profile: expired";
        run.connection_state = "needs_authorization";
    });
    CHECK(alerts(f) == "needs_authorization u youtube a1 1");
    CHECK(f.database.value("SELECT message FROM alerts") == "profile: expired");
}

TEST_CASE("words that the database cannot hold do not stop a run") {
    Fixture f;
    auto odd = refusal("dislikes", std::string{"a\0b\xff", 4});
    odd.code = "\xc3";
    refuse(f, 1, odd);
    CHECK(f.database.value("SELECT code || ' ' || message FROM quarantine") == "? a?b?");
    CHECK(f.database.value("SELECT message FROM alerts").starts_with("a?b?; refused to 1 connection since "));
}

TEST_CASE("a lost lease tells nothing about the platform") {
    Fixture f;
    const auto report = f.run(1, [&](store::RunResult& run) {
        run.refusals = {refusal()};
        run.alerts = {{.kind = "version_drift", .subject = "youtube", .message = "x"}};
        f.database.execute("UPDATE slots SET lease_token = lease_token + 1000");
    });
    CHECK_FALSE(report.stored);
    CHECK(quarantined(f).empty());
    CHECK(alerts(f).empty());
}
