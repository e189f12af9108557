// SPDX-License-Identifier: Apache-2.0
// The table of duties, and their leases: two repositories are two nodes.
#include "daemon/duty/duty.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"
#include "tests/daemon/duty/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;
using test::DutyFixture;

TEST_CASE("every duty has a name in order, words and a time of its own") {
    std::string before;
    std::set<std::string_view> times;
    const auto at = parse_instant("2026-11-21T03:30:00Z").value();
    for (const auto& duty : duty::duties()) {
        CAPTURE(duty.name);
        CHECK(duty.name > before);
        before = duty.name;
        CHECK_FALSE(duty.about.empty());
        CHECK(times.insert(duty.cron).second);
        CHECK(duty::next_time(duty, at) > at);
        CHECK(duty::next_time(duty, at) <= at + 24h);
        CHECK(duty::find_duty(duty.name).about == duty.about);
    }
    CHECK(duty::next_time(duty::find_duty("retention"), at) == parse_instant("2026-11-22T03:30:00Z").value());
    CHECK(duty::next_time(duty::find_duty("retention"), at - 1s) == at);
    try {
        duty::find_duty("retain");
        FAIL("a duty that is none");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::missing);
        CHECK(error.hint() ==
              "Known: alerts, analyze, cleanup, history, metrics, partitions, quality, reports, retention, schedules.");
    }
}

TEST_CASE("rows are made once; what lies too far off comes back, nothing else moves") {
    DutyFixture f;
    f.n1.plan(now());
    CHECK(f.due("partitions") == "true");
    CHECK(f.due("retention") == "false");
    f.database.execute(
        "UPDATE duties SET due_at = now() + interval '3 years', last_result = 'kept' WHERE name = 'retention'");
    f.database.execute("UPDATE duties SET due_at = now() - interval '1 h' WHERE name = 'history'");
    f.n2.plan(now());
    CHECK(f.value("retention", "due_at < now() + interval '25 h' AND last_result = 'kept'") == "true");
    CHECK(f.due("history") == "true");
    CHECK(f.database.value("SELECT count(*) FROM duties") == std::to_string(duty::duties().size()));
}

TEST_CASE("one node at a time does a duty, and the next time is what its end says") {
    DutyFixture f;
    f.plan();
    const auto mine = f.n1.claim("n1");
    REQUIRE(mine);
    CHECK(mine->name == "partitions");
    CHECK(mine->attempt == 1);
    CHECK_FALSE(f.n2.claim("n2"));
    const auto running = f.state("partitions");
    CHECK(running.node == "n1");
    CHECK(running.running_since);
    CHECK_FALSE(running.last_end);
    const auto next = std::chrono::floor<std::chrono::microseconds>(now()) + 1h;
    CHECK(f.n1.finish(*mine, next, "made it"));
    CHECK_FALSE(f.n1.finish(*mine, next, "twice"));
    const auto after = f.state("partitions");
    CHECK(after.node.empty());
    CHECK(after.due_at == next);
    CHECK(after.last_result == "made it");
    CHECK(after.attempt == 0);
    CHECK(after.took_seconds.value() >= 0);
    CHECK_FALSE(f.n2.claim("n2"));
    const auto later = f.n2.claim("n2", next);  // whose clock says that it is time
    REQUIRE(later);
    CHECK(later->token > mine->token);
}

TEST_CASE("the duty of a dead node falls to another one, and the dead one's end is not taken") {
    DutyFixture f;
    f.plan();
    const auto mine = f.n1.claim("n1");
    REQUIRE(mine);
    f.kill("n1");
    CHECK_FALSE(f.n1.claim("n1"));  // who is taken for dead gets nothing
    CHECK(f.state("partitions").node.empty());
    const auto taken = f.n2.claim("n2");
    REQUIRE(taken);
    CHECK(taken->name == "partitions");
    CHECK(taken->attempt == 2);
    CHECK_FALSE(f.n1.finish(*mine, now() + 1h, "too late"));
    CHECK_FALSE(f.n1.fail(*mine, now(), "too late"));
    f.n1.release(*mine);
    CHECK(f.state("partitions").node == "n2");
    CHECK(f.database.value("SELECT count(*) FROM alerts") == "0");
    CHECK(f.n2.finish(*taken, now() + 1h, "done"));
}

TEST_CASE("what a node still holds when it asks for work was never ended: it is its own to do again") {
    DutyFixture f;
    f.plan();
    const auto lost = f.n1.claim("n1");
    REQUIRE(lost);
    const auto again = f.n1.claim("n1");
    REQUIRE(again);
    CHECK(again->name == lost->name);
    CHECK(again->token > lost->token);
    f.n1.release(*again);
    CHECK(f.value("partitions", "attempt = 1 AND lease_node IS NULL AND started_at IS NULL") == "true");
}

TEST_CASE("a failure raises one alert, which the next success ends") {
    DutyFixture f;
    f.plan();
    const auto open = [&] {
        return f.database.value(
            "SELECT count(*) || ' ' || coalesce(max(kind || ' ' || subject || ' ' || message), '') "
            "FROM alerts WHERE resolved_at IS NULL");
    };
    for (unsigned attempt = 1; attempt <= 2; ++attempt) {
        const auto claim = f.n1.claim("n1");
        REQUIRE(claim);
        CHECK(claim->attempt == attempt);
        CHECK(f.n1.fail(*claim, now() - 1s, "the disk is full"));
        CHECK(f.state("partitions").last_error == "the disk is full");
        CHECK(open() == "1 duty_failed partitions the disk is full");
    }
    const auto claim = f.n1.claim("n1");
    REQUIRE(claim);
    CHECK(f.n1.finish(*claim, now() + 1h, "done"));
    CHECK(open() == "0 ");
    CHECK(f.state("partitions").last_error.empty());
}

TEST_CASE("what is asked for while it is being done is done once more") {
    DutyFixture f;
    f.plan();
    CHECK_FALSE(f.n1.request("retain"));
    const auto before = f.n1.request("partitions");
    REQUIRE(before);
    const auto claim = f.n1.claim("n1");
    REQUIRE(claim);
    CHECK(f.n1.finish(*claim, now() + 1h, "first"));
    CHECK(f.state("partitions").last_start >= before);  // so that one is served
    CHECK_FALSE(f.n1.claim("n1"));

    REQUIRE(f.n1.request("partitions"));
    const auto second = f.n1.claim("n1");
    REQUIRE(second);
    const auto meanwhile = f.n2.request("partitions");
    CHECK(f.n1.finish(*second, now() + 1h, "second"));
    CHECK(f.state("partitions").last_start < meanwhile);
    CHECK(f.n1.claim("n1"));
}
