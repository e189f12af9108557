// SPDX-License-Identifier: Apache-2.0
// Tokens that die, are renewed or are replaced while they are in use, and when they want care.
#include <doctest/doctest.h>

#include "tests/daemon/store/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

using Fixture = test::StoreFixture;

const store::Owner kOwner{"u", "youtube", "a1"};

store::Registry registry_of(Fixture& f) {
    return {f.session, f.vault, test::slots_in(1h)};
}

Instant moment(std::chrono::seconds from_now) {
    return std::chrono::floor<std::chrono::microseconds>(now()) + from_now;
}

void give_token(Fixture& f, const std::string& text) {
    registry_of(f).put_connection({.name = {"u", "youtube", "a1"},
                                   .attributes = {},
                                   .credential = Secret{text},
                                   .expires_at = std::nullopt,
                                   .source = "test"});
}

lease::Assignment claimed(Fixture& f) {
    auto assignment = f.leases.claim_one("n1", 1);
    REQUIRE(assignment);
    return *std::move(assignment);
}

/// A failed run that says that this credential is dead.
store::RunResult dead(Fixture& f, const lease::Assignment& assignment) {
    auto run = f.result(assignment, {});
    run.state = "failed";
    run.error = "profile: expired";
    run.connection_state = "needs_authorization";
    run.sealed_used = assignment.sealed_credential;
    run.next_due = run.next_slot = moment(3600s);
    return run;
}

/// Replaces a credential as a renewal does.
void renew(Fixture& f, const lease::Assignment& assignment, const std::string& text,
           std::optional<Instant> expires = std::nullopt) {
    auto transaction = f.session.begin();
    transaction.exec("renew_credential", {1, assignment.sealed_credential,
                                          f.vault.seal(assignment.sealed_user_key, kOwner, Secret{text}), expires});
    transaction.commit();
}

std::string opened(Fixture& f) {
    const auto assignment = claimed(f);
    f.leases.release({assignment.lease});
    return f.vault.open(assignment.sealed_user_key, kOwner, assignment.sealed_credential).reveal();
}

std::string state(const Fixture& f) {
    return f.database.value("SELECT state FROM connections");
}

std::string open_alerts(const Fixture& f) {
    return f.database.value(
        "SELECT coalesce(string_agg(kind || ' ' || subject, '; '), '') FROM alerts WHERE resolved_at IS NULL");
}

}  // namespace

TEST_CASE("an alert about a connection ends with the connection, or with its user") {
    Fixture f{2};
    f.store.store({dead(f, claimed(f))});
    CHECK(open_alerts(f) == "needs_authorization u youtube a1");
    registry_of(f).remove_connection({"u", "youtube", "a2"});
    CHECK(open_alerts(f) == "needs_authorization u youtube a1");
    SUBCASE("connection") {
        registry_of(f).remove_connection({"u", "youtube", "a1"});
    }
    SUBCASE("user") {
        registry_of(f).remove_user("u");
    }
    CHECK(open_alerts(f).empty());
}

TEST_CASE("a dead token marks its connection") {
    Fixture f;
    CHECK(f.store.store({dead(f, claimed(f))})[0].stored);
    CHECK(state(f) == "needs_authorization");
    CHECK(open_alerts(f) == "needs_authorization u youtube a1");
    CHECK_FALSE(f.next_due());
}

TEST_CASE("a dead token that is not the connection's any more marks nothing: the new one is tried at once") {
    Fixture f;
    f.run(1, [](store::RunResult& run) { run.next_due = run.next_slot = moment(3600s); });
    registry_of(f).trigger(
        {.user_id = "u", .platform = std::nullopt, .account_id = std::nullopt, .days = std::nullopt});
    const auto assignment = claimed(f);
    REQUIRE(assignment.triggers.size() == 1);
    give_token(f, "given by a person");
    auto run = dead(f, assignment);
    run.triggers = {assignment.triggers[0].id};
    CHECK(f.store.store({run})[0].stored);
    CHECK(state(f) == "active");
    CHECK(open_alerts(f).empty());
    CHECK(f.database.value("SELECT state FROM runs ORDER BY run_id DESC LIMIT 1") == "failed");
    const auto next = f.claim("n1", 1);
    REQUIRE(next.size() == 1);
    CHECK_MESSAGE(next[0].triggers.size() == 1, "what was asked for by hand waits for the new token");
    CHECK(f.vault.open(next[0].sealed_user_key, kOwner, next[0].sealed_credential).reveal() == "given by a person");
    CHECK(f.store.store({f.result(next[0], {})})[0].stored);
}

TEST_CASE("without a trigger too, a token that was given during the run is tried at once") {
    Fixture f;
    const auto assignment = claimed(f);
    give_token(f, "given by a person");
    CHECK(f.store.store({dead(f, assignment)})[0].stored);
    CHECK(f.claim("n1", 1).size() == 1);
}

TEST_CASE("a renewal replaces the credential and its expiry, unless one was given meanwhile") {
    Fixture f;
    const auto first = claimed(f);
    const auto expires = moment(86400s);
    renew(f, first, "second", expires);
    f.leases.release({first.lease});
    const auto second = claimed(f);
    CHECK(second.expires_at == expires);
    CHECK(f.vault.open(second.sealed_user_key, kOwner, second.sealed_credential).reveal() == "second");
    f.leases.release({second.lease});
    renew(f, first, "from the disk of a dead node");
    CHECK_MESSAGE(opened(f) == "second", "an older renewal comes too late");
    renew(f, second, "third");
    CHECK(opened(f) == "third");
    CHECK_FALSE(claimed(f).expires_at);
}

TEST_CASE("a renewal does not disturb the plan of a working connection") {
    Fixture f;
    const auto slot = moment(3600s), care = moment(600s);
    f.run(1, [&](store::RunResult& run) {
        run.next_due = run.next_slot = slot;
        run.upkeep_at = care;
        run.next_attempt = 2;
    });
    const auto assignment = claimed(f);
    renew(f, assignment, "second");
    f.leases.release({assignment.lease});
    const auto after = claimed(f);
    CHECK(after.lease.collect_at == slot);
    CHECK(after.lease.upkeep_at == care);
    CHECK(after.lease.attempt == 2);
}

TEST_CASE("a renewal that was on its way revives a connection that was thought dead, and its alert is over") {
    Fixture f;
    const auto assignment = claimed(f);
    CHECK(f.store.store({dead(f, assignment)})[0].stored);
    renew(f, assignment, "second", moment(86400s));
    CHECK(state(f) == "active");
    CHECK(f.database.value("SELECT state_reason FROM connections").empty());
    CHECK(open_alerts(f).empty());
    const auto due = f.claim("n1", 1);
    REQUIRE(due.size() == 1);
    CHECK(due[0].lease.attempt == 1);
    CHECK(f.vault.open(due[0].sealed_user_key, kOwner, due[0].sealed_credential).reveal() == "second");
}

TEST_CASE("a renewal leaves a pause and a vanished account as they are") {
    for (const std::string kept : {"paused", "gone"}) {
        CAPTURE(kept);
        Fixture f;
        const auto assignment = claimed(f);
        auto run = dead(f, assignment);
        run.connection_state = kept == "gone" ? "gone" : "";
        CHECK(f.store.store({run})[0].stored);
        if (kept == "paused") registry_of(f).pause({"u", "youtube", "a1"}, "holidays");
        renew(f, assignment, "second");
        CHECK(state(f) == kept);
        CHECK(f.database.value("SELECT collect_at = 'infinity' FROM slots") == "true");
        CHECK(opened(f) == "second");
        CHECK(open_alerts(f) == (kept == "gone" ? "gone u youtube a1" : ""));
    }
}

TEST_CASE("the care of a token alone is no run and leaves the plan as it was") {
    Fixture f;
    const auto slot = moment(3600s), care = moment(-60s), next_care = moment(7200s);
    f.run(1, [&](store::RunResult& run) {
        run.next_due = run.next_slot = slot;
        run.upkeep_at = care;
    });
    auto due = f.claim("n1", 1);
    REQUIRE(due.size() == 1);
    const auto care_only = [&](std::optional<Instant> next) {
        auto run = f.result(due[0], {});
        run.recorded = false;
        run.next_due = due[0].lease.collect_at;
        run.next_slot = due[0].lease.slot_at;
        run.next_attempt = due[0].lease.attempt - 1;
        run.upkeep_at = next;
        CHECK(f.store.store({run})[0].stored);
    };
    care_only(next_care);
    CHECK(f.database.value("SELECT count(*) FROM runs") == "1");
    CHECK(f.next_due() == slot);
    CHECK(f.database.value("SELECT attempt FROM slots") == "0");
    due = f.claim("n1", 1, slot);
    REQUIRE(due.size() == 1);
    CHECK(due[0].lease.upkeep_at == next_care);
    care_only(std::nullopt);
    CHECK(f.database.value("SELECT upkeep_at FROM slots") == "NULL");
}

TEST_CASE("a connection that is resumed while its token is cared for is collected again") {
    Fixture f;
    auto registry = registry_of(f);
    f.run(1, [&](store::RunResult& run) {
        run.next_due = run.next_slot = moment(3600s);
        run.upkeep_at = moment(-60s);
    });
    registry.pause({"u", "youtube", "a1"}, "holidays");
    const auto due = f.claim("n1", 1);
    REQUIRE(due.size() == 1);
    registry.resume({"u", "youtube", "a1"});
    auto run = f.result(due[0], {});
    run.recorded = false;
    run.next_due = due[0].lease.collect_at;
    run.next_slot = due[0].lease.slot_at;
    run.upkeep_at = moment(86400s);
    CHECK(f.store.store({run})[0].stored);
    CHECK(f.next_due() == due[0].lease.slot_at);
}
