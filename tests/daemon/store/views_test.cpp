// SPDX-License-Identifier: Apache-2.0
// What status and lists say: alerts that need a person, quarantine, budgets, how far a backfill is.
#include "daemon/store/views.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/daemon/store/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

using Fixture = test::StoreFixture;

std::string kinds(const json& attention) {
    std::string text;
    for (const auto& item : attention)
        text += item["kind"].get<std::string>() + " " + item["subject"].get<std::string>() + "; ";
    return text;
}

std::int64_t trigger(Fixture& f) {
    store::Registry registry{f.session, f.vault, test::slots_in(1h)};
    const Day day = parse_day("2026-11-10").value();
    return registry
        .trigger(
            {.user_id = std::nullopt, .platform = std::nullopt, .account_id = std::nullopt, .days = DayRange{day, day}})
        .id;
}

}  // namespace

TEST_CASE("open alerts need a person until somebody acknowledges them, and dead connections are named once") {
    Fixture f;
    store::Views views{f.session};
    CHECK(views.status()["attention"].empty());
    f.run(1, [](store::RunResult& run) {
        run.alerts = {{.kind = "version_drift", .subject = "facebook", .message = "answers as v26.0"}};
        run.connection_state = "needs_authorization";
        run.error = "token expired";
    });
    auto attention = views.status()["attention"];
    CHECK(kinds(attention) == "needs_authorization u youtube a1; version_drift facebook; ");
    CHECK(attention[1]["message"] == "answers as v26.0");
    CHECK_FALSE(attention[1]["since"].is_null());
    CHECK(views.alerts(false)["alerts"].size() == 2);
    f.database.execute("UPDATE alerts SET acked_at = now() WHERE alert_id = " + attention[1]["alert"].dump());
    CHECK(kinds(views.status()["attention"]) == "needs_authorization u youtube a1; ");
}

TEST_CASE("quarantine: one entry a metric, everywhere or for so many connections") {
    Fixture f{2};
    const auto refuse = [&](std::int64_t connection, const std::string& metric) {
        f.run(connection, [&](store::RunResult& run) {
            run.refusals = {{.request = "daily",
                             .metric = metric,
                             .code = "100",
                             .message = "no",
                             .expected = true,
                             .last_answered = {}}};
        });
    };
    refuse(1, "likes");
    refuse(2, "likes");
    refuse(2, "");
    f.database.execute(
        "INSERT INTO quarantine (platform, request, metric, probe_at, code, message) VALUES ('facebook', 'page', "
        "'fans', now(), '1', 'gone')");
    store::Views views{f.session};
    const auto all = views.quarantine(std::nullopt)["quarantine"];
    REQUIRE(all.size() == 3);
    CHECK(all[0]["everywhere"] == true);
    CHECK(all[0]["connections"] == 0);
    CHECK(all[1]["metric"].is_null());
    CHECK(all[2]["metric"] == "likes");
    CHECK(all[2]["connections"] == 2);
    CHECK(all[2]["everywhere"] == false);
    CHECK(views.quarantine("facebook")["quarantine"].size() == 1);
    CHECK(views.status()["quarantine"] == all);
}

TEST_CASE("a backfill tells what is made and left, and how long it takes once its pace is known") {
    Fixture f{2};
    const auto group = trigger(f);
    store::Views views{f.session};
    CHECK(views.group(group + 1) == std::nullopt);
    auto seen = views.group(group).value();
    CHECK(seen["requests_made"] == 0);
    CHECK(seen["requests_left"].is_null());
    CHECK(seen["estimated_seconds"].is_null());
    // One of the two has begun: the other one is taken to need as much. 60 requests took 50 minutes.
    f.database.execute("UPDATE triggers SET requested_at = now() - interval '3000 s'");
    f.database.execute("UPDATE triggers SET requests_made = 60, requests_left = 100 WHERE connection_id = 1");
    seen = views.group(group).value();
    CHECK(seen["requests_made"] == 60);
    CHECK(seen["requests_left"] == 260);
    CHECK(seen["estimated_seconds"] >= 13'000);
    CHECK(seen["estimated_seconds"] < 14'000);
    const auto running = views.status()["backfills"];
    REQUIRE(running.size() == 1);
    CHECK(running[0]["run_group"] == group);
    CHECK(running[0]["from"] == "2026-11-10");
    CHECK(running[0]["requests_left"] == 260);
    f.database.execute("UPDATE triggers SET state = 'succeeded', requests_left = 0");
    CHECK(views.group(group).value()["requests_left"] == 0);
    CHECK(views.status()["backfills"].empty());
}

TEST_CASE("budgets that run, spenders and connections are read for one platform or all") {
    Fixture f{2};
    f.database.execute(
        "INSERT INTO rate_budgets (platform, scope, key, name, window_start, window_end, allowed, granted, used) "
        "VALUES "
        "('youtube', 'app', 'default', 'data_api', now() - interval '1 h', now() + interval '1 h', 100, 20, 12), "
        "('youtube', 'app', 'old', 'data_api', now() - interval '2 h', now() - interval '1 s', 100, 20, 12)");
    f.database.execute(
        "INSERT INTO rate_budgets (platform, scope, key, name, blocked_until, reason) VALUES "
        "('facebook', 'token', 'ab12', '', now() + interval '1 h', 'code 4')");
    store::Views views{f.session};
    const auto all = views.budgets(std::nullopt);
    REQUIRE(all.size() == 2);
    CHECK(all[0].reason == "code 4");
    CHECK(all[0].blocked_until);
    CHECK(all[1].used == 12);
    CHECK(all[1].granted == 20);
    CHECK(views.budgets("youtube").size() == 1);

    const auto before = now() - 1h;
    CHECK(views.spenders("youtube", before).empty());
    f.run(1, [](store::RunResult& run) { run.requests = 7; });
    f.run(2, [](store::RunResult& run) { run.requests = 5; });
    CHECK(views.spenders("youtube", before) == json::array({{{"user_id", "u"}, {"requests", 12}}}));
    CHECK(views.spenders("youtube", now() + 1h).empty());

    const auto counts = views.connection_counts();
    REQUIRE(counts.size() == 1);
    CHECK(counts[0].platform == "youtube");
    CHECK(counts[0].app.empty());
    CHECK(counts[0].tier == "free");
    CHECK(counts[0].connections == 2);
}

TEST_CASE("kept counters say what counting would, whatever happens to users and connections") {
    Fixture f{3};
    store::Views views{f.session};
    store::Registry registry{f.session, f.vault, test::slots_in(1h)};
    const auto put = [&](const std::string& user, const std::string& platform, const std::string& account) {
        registry.put_connection({.name = {user, platform, account},
                                 .attributes = {},
                                 .credential = Secret{"{}"},
                                 .expires_at = std::nullopt,
                                 .source = "test"});
    };
    // Shards of several sessions, deletes of many at once, and an update of each kind.
    auto other = f.database.session();
    store::Registry elsewhere{other, f.vault, test::slots_in(1h)};
    elsewhere.put_user("v", {.tier = "premium", .zone = {}, .report_to = {}});
    put("v", "facebook", "p1");
    put("v", "youtube", "b1");
    put("v", "youtube", "b1");
    registry.put_user("u", {.tier = "premium", .zone = {}, .report_to = {}});
    registry.put_user("w", {.tier = "free", .zone = {}, .report_to = {}});
    f.database.execute("UPDATE connections SET state = 'needs_authorization' WHERE account_id IN ('a1', 'a2')");
    f.database.execute("UPDATE connections SET state = 'gone' WHERE account_id = 'a2'");
    f.database.execute("UPDATE connections SET expires_at = now()");
    auto seen = views.status();
    CHECK(seen["tiers"]["premium"]["users"] == 2);
    CHECK(seen["tiers"]["free"]["users"] == 1);
    CHECK(seen["platforms"]["youtube"]["connections"] == 4);
    CHECK(seen["platforms"]["youtube"]["active"] == 2);
    CHECK(seen["platforms"]["youtube"]["needs_attention"] == 2);
    CHECK(seen["platforms"]["facebook"]["connections"] == 1);
    f.database.execute("DELETE FROM connections WHERE platform = 'youtube' AND user_id = 'u'");
    registry.remove_user("w");
    f.database.execute("DELETE FROM connections");
    f.database.execute("DELETE FROM users WHERE user_id = 'v'");
    seen = views.status();
    CHECK(seen["platforms"].empty());
    CHECK(seen["tiers"] == json{{"premium", {{"users", 1}}}});
}

TEST_CASE("runs of the last day, the backlog and the jobs of several platforms") {
    Fixture f{3};
    store::Views views{f.session};
    auto seen = views.status();
    CHECK(seen["backlog"]["due"] == 3);
    CHECK(seen["backlog"]["due_at_least"] == false);
    CHECK_FALSE(seen["backlog"]["oldest_due_at"].is_null());
    CHECK(seen["runs"]["last_finished_at"].is_null());
    f.database.execute("UPDATE connections SET platform = 'twitch' WHERE account_id = 'a3'");
    f.run(1, [](store::RunResult& run) { run.next_due = now() + 1h; });
    f.run(2, [](store::RunResult& run) {
        run.error = "no";
        run.state = "failed";
        run.next_due = now() + 1h;
    });
    f.run(3, [](store::RunResult& run) {
        run.platform = "twitch";
        run.error = "away";
        run.state = "failed";
        run.next_due = now() + 1h;
    });
    seen = views.status();
    CHECK(seen["backlog"]["due"] == 0);
    CHECK(seen["backlog"]["oldest_due_at"].is_null());
    CHECK(seen["runs"]["last_24h"] == json{{"succeeded", 1}, {"partial", 0}, {"failed", 2}});
    CHECK_FALSE(seen["runs"]["last_finished_at"].is_null());
    CHECK(seen["platforms"]["youtube"]["failed_24h"] == 1);
    CHECK_FALSE(seen["platforms"]["youtube"]["last_success_at"].is_null());
    CHECK(seen["platforms"]["twitch"]["last_success_at"].is_null());
    REQUIRE(seen["attention"].size() == 1);
    CHECK(seen["attention"][0]["kind"] == "platform_failing");
    CHECK(seen["attention"][0]["subject"] == "twitch");
    store::ListFilter filter;
    filter.limit = 2;
    const auto jobs = views.jobs(filter)["jobs"];
    REQUIRE(jobs.size() == 2);
    CHECK(jobs[0]["platform"] == "twitch");
    CHECK(jobs[1]["account_id"] == "a2");
    filter.platform = "youtube";
    CHECK(views.jobs(filter)["jobs"].size() == 2);
    filter.state = "succeeded";
    CHECK(views.jobs(filter)["jobs"].size() == 1);
}
