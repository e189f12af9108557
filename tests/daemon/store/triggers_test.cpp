// SPDX-License-Identifier: Apache-2.0
// Runs asked for by hand that take more than one run, and credentials that change while they are in use.
#include <doctest/doctest.h>

#include "tests/daemon/store/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

using Fixture = test::StoreFixture;

const Day kDay = parse_day("2026-11-10").value();
const store::Owner kOwner{"u", "youtube", "a1"};

store::Registry registry_of(Fixture& f) {
    return {f.session, f.vault, test::slots_in(1h)};
}

void ask_for_days(Fixture& f) {
    registry_of(f).trigger({.user_id = "u",
                            .platform = std::nullopt,
                            .account_id = std::nullopt,
                            .days = DayRange{kDay, kDay + std::chrono::days{2}}});
}

/// "state made/left run" of the only trigger.
std::string trigger_row(const Fixture& f) {
    return f.database.value(
        "SELECT state || ' ' || requests_made || '/' || coalesce(requests_left::text, '?') || ' ' || "
        "coalesce(run_id::text, '-') FROM triggers");
}

std::string opened(const Fixture& f, const lease::Assignment& assignment) {
    return f.vault.open(assignment.sealed_user_key, kOwner, assignment.sealed_credential).reveal();
}

/// A person gives the connection a token.
void give_token(Fixture& f, const std::string& text, std::optional<Instant> expires = std::nullopt) {
    registry_of(f).put_connection({.name = {"u", "youtube", "a1"},
                                   .attributes = {},
                                   .credential = Secret{text},
                                   .expires_at = expires,
                                   .source = "test"});
}

postgres::Bytes sealed(const Fixture& f, const lease::Assignment& assignment, const std::string& text) {
    return f.vault.seal(assignment.sealed_user_key, kOwner, Secret{text});
}

}  // namespace

TEST_CASE("a long backfill is served by many runs: it waits until the last one, and counts what was asked") {
    Fixture f;
    ask_for_days(f);
    CHECK(trigger_row(f) == "waiting 0/? -");
    const auto part = [&](unsigned requests, std::size_t left, const std::string& state) {
        const auto claimed = f.claim("n1", 1);
        REQUIRE(claimed.size() == 1);
        auto run = f.result(claimed[0], {});
        for (const auto& trigger : claimed[0].triggers) run.triggers.push_back(trigger.id);
        run.requests = requests;
        run.requests_left = left;
        run.state = state;
        run.next_due = run.next_slot = now() + 1h;
        REQUIRE(f.store.store({run})[0].stored);
        return std::to_string(run.lease.token);
    };
    part(60, 100, "succeeded");
    CHECK(trigger_row(f) == "waiting 60/100 -");
    CHECK(f.database.value("SELECT due_at <= now() FROM slots") == "true");  // goes on at once
    part(60, 40, "partial");
    CHECK(trigger_row(f) == "waiting 120/40 -");
    const auto last = part(41, 0, "succeeded");
    CHECK(trigger_row(f) == "succeeded 161/0 " + last);
    CHECK(f.database.value("SELECT due_at > now() FROM slots") == "true");
    auto transaction = f.session.begin();
    const auto progress = transaction.exec("group_progress", {1})[0];
    CHECK(progress.integer("succeeded") == 1);
    CHECK(progress.integer("requests_made") == 161);
    CHECK(progress.integer("requests_left") == 0);
}

TEST_CASE("a run asked for by hand waits no less than the platform said, and no longer than the slot") {
    Fixture f;
    const auto wait = std::chrono::floor<std::chrono::microseconds>(now()) + 30min;
    const auto after = [&](Instant next) {
        f.run(1, [&](store::RunResult& run) {
            run.next_due = run.next_slot = next;
            run.not_before = wait;
        });
        return f.next_due();
    };
    CHECK(after(wait + 1h) == wait + 1h);
    ask_for_days(f);
    CHECK(after(wait + 1h) == wait);
    CHECK(after(wait - 10min) == wait - 10min);
}

TEST_CASE("a trigger of a connection that stops is answered by the run that stopped it") {
    Fixture f;
    ask_for_days(f);
    std::string token;
    f.run(1, [&](store::RunResult& run) {
        run.state = "failed";
        run.connection_state = "gone";
        token = std::to_string(run.lease.token);
    });
    CHECK(trigger_row(f) == "failed 0/? " + token);
}

TEST_CASE("counts of a trigger cannot be negative") {
    Fixture f;
    ask_for_days(f);
    for (const auto* change : {"requests_made = -1", "requests_left = -1", "requests_made = NULL"})
        CHECK_THROWS_AS(f.database.execute(std::string{"UPDATE triggers SET "} + change), postgres::SqlError);
}

TEST_CASE("a run replaces the credential that it used, and its expiry stays") {
    Fixture f;
    const auto expires = std::chrono::floor<std::chrono::microseconds>(now()) + 24h;
    give_token(f, "first", expires);
    auto claimed = f.leases.claim_one("n1", 1);
    REQUIRE(claimed);
    auto run = f.result(*claimed, {});
    run.sealed_before = claimed->sealed_credential;
    run.sealed_after = sealed(f, *claimed, "second");
    REQUIRE(f.store.store({run})[0].stored);
    claimed = f.leases.claim_one("n1", 1);
    REQUIRE(claimed);
    CHECK(opened(f, *claimed) == "second");
    CHECK(claimed->expires_at == expires);
}

TEST_CASE("a credential that was given meanwhile wins over the one of a run") {
    Fixture f;
    const auto claimed = f.leases.claim_one("n1", 1);
    REQUIRE(claimed);
    give_token(f, "given by a person");
    auto run = f.result(*claimed, {});
    run.sealed_before = claimed->sealed_credential;
    run.sealed_after = sealed(f, *claimed, "derived");
    CHECK_MESSAGE(f.store.store({run})[0].stored, "the run itself counts");
    const auto after = f.leases.claim_one("n1", 1);
    REQUIRE(after);
    CHECK(opened(f, *after) == "given by a person");
    CHECK_FALSE(after->expires_at);
}

TEST_CASE("the credential as it is now is shown to the holder of the lease only") {
    Fixture f;
    const auto claimed = f.leases.claim_one("n1", 1);
    REQUIRE(claimed);
    auto transaction = f.session.begin();
    const auto held = transaction.exec("hold_credential", {1, claimed->lease.token});
    REQUIRE(held.size() == 1);
    CHECK(held[0].bytes("credential") == claimed->sealed_credential);
    CHECK(transaction.exec("hold_credential", {1, claimed->lease.token + 1}).empty());
    CHECK(transaction.exec("hold_credential", {2, claimed->lease.token}).empty());
}
