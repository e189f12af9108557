// SPDX-License-Identifier: Apache-2.0
// tally_trigger(): what it moves and what it leaves, while nodes claim, wait and store.
#include <poll.h>

#include "common/postgres/statements.hpp"
#include "tests/daemon/store/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

/// Connections of a tier without slots of its own, each collected once.
struct Outside : test::StoreFixture {
    explicit Outside(int connections = 1) : StoreFixture(connections) {
        database.execute(std::string{postgres::sql_file("pg_cron.sql")});
        for (int id = 1; id <= connections; ++id) run(id, no_next);
    }

    static void no_next(store::RunResult& run) { run.next_due = run.next_slot = postgres::kNever; }

    std::string fire(const std::string& arguments = "") const {
        auto scheduler = database.session("");
        auto transaction = scheduler.begin();
        auto moved = transaction.exec_text("SELECT tally_trigger(" + arguments + ") AS moved")[0].text("moved");
        transaction.commit();
        return moved;
    }
    /// Of connection 1, with now as a word.
    std::string slot() const {
        return database.value(
            "SELECT concat_ws(' ', CASE WHEN slot_at BETWEEN now() - interval '60 s' AND now() THEN 'now' ELSE 'never' "
            "END,"
            " CASE WHEN collect_at = slot_at THEN 'due with it' WHEN collect_at > slot_at THEN 'later' ELSE 'earlier' "
            "END,"
            " attempt) FROM slots WHERE connection_id = 1");
    }
    store::Registry registry() {
        auto plan = test::slots_in(3600s);
        plan.next = [](const std::string& tier, std::int64_t) {
            return tier == "free" ? postgres::kNever : now() + 3600s;
        };
        return {session, vault, plan};
    }
};

}  // namespace

TEST_CASE(
    "a firing makes a slot of each active connection of the tier, and stands for the next ones until it is served") {
    Outside f{3};
    f.registry().pause({"u", "youtube", "a3"}, "holidays");
    CHECK(f.slot() == "never due with it 0");
    CHECK(f.fire("'premium'") == "0");
    CHECK(f.fire("'free'") == "2");
    CHECK(f.slot() == "now due with it 0");
    const auto claimed = f.claim("n1", 10);
    REQUIRE(claimed.size() == 2);
    CHECK_MESSAGE(f.fire() == "0", "it is being served");
    auto run = f.result(claimed[0], {});
    run.next_slot = claimed[0].lease.slot_at;  // and failed
    run.next_due = now() + 600s;
    run.next_attempt = 1;
    f.store.store({run});
    CHECK_MESSAGE(f.fire() == "0", "the retry stands");
    CHECK(f.slot() == "now later 1");
}

TEST_CASE("a run under way for something else keeps the slot that a firing makes meanwhile") {
    Outside f;
    f.registry().trigger({.user_id = "u", .platform = {}, .account_id = {}, .days = {}});
    const auto claimed = f.claim("n1", 1);
    REQUIRE(claimed.size() == 1);
    CHECK(f.fire() == "1");
    CHECK(f.database.value("SELECT lease_node FROM slots") == "n1");
    auto run = f.result(claimed[0], {});
    f.no_next(run);
    for (const auto& trigger : claimed[0].triggers) run.triggers.push_back(trigger.id);
    REQUIRE(f.store.store({run})[0].stored);
    CHECK(f.slot() == "now due with it 0");
    CHECK(f.claim("n1", 1).size() == 1);
}

TEST_CASE("a wait that goes on past the slot is kept, and the care of a token is not put off") {
    Outside f;
    const auto until = now() + 7200s;
    f.run(1, [&](store::RunResult& run) {
        run.next_slot = now() + 3600s;
        run.next_due = until;
        run.upkeep_at = now() - 60s;
    });
    CHECK(f.fire() == "1");
    CHECK(f.slot() == "now later 0");
    CHECK(f.database.value("SELECT due_at = upkeep_at FROM slots") == "true");
}

TEST_CASE("who spreads the firings gives each connection its own place, always the same") {
    Outside f{20};
    CHECK(f.fire("spread => '1 hour'") == "20");
    const std::string places =
        "SELECT string_agg((slot_at - (SELECT min(slot_at) FROM slots))::text, ' ' ORDER BY connection_id) FROM slots";
    const auto first = f.database.value(places);
    CHECK(
        f.database.value("SELECT count(DISTINCT slot_at) || ' ' || bool_and(slot_at BETWEEN now() - interval '60 s' AND"
                         " now() + interval '1 hour') FROM slots") == "20 true");
    CHECK_MESSAGE(f.fire("spread => '1 hour'") == "0", "nobody is put off by a firing before its place has come");
    f.database.execute("UPDATE slots SET slot_at = 'infinity', collect_at = 'infinity'");
    CHECK(f.fire("spread => '1 hour'") == "20");
    CHECK(f.database.value(places) == first);
    CHECK_THROWS_AS(f.fire("spread => '-1 s'"), postgres::SqlError);
}

TEST_CASE("a connection without a next slot comes to one when its tier or its state changes") {
    Outside f;
    auto registry = f.registry();
    registry.put_user("u", {.tier = "premium", .zone = {}, .report_to = {}});
    CHECK(f.database.value("SELECT collect_at = slot_at AND slot_at < now() + interval '2 hours' FROM slots") ==
          "true");
    registry.put_user("u", {.tier = "free", .zone = {}, .report_to = {}});
    CHECK(f.slot() == "never due with it 0");
    registry.pause({"u", "youtube", "a1"}, "holidays");
    registry.resume({"u", "youtube", "a1"});
    CHECK(f.slot() == "never due with it 0");
    f.fire();
    registry.pause({"u", "youtube", "a1"}, "holidays");
    registry.resume({"u", "youtube", "a1"});
    CHECK_MESSAGE(f.slot() == "never earlier 0", "the slot that passed is made up for at once");
    CHECK(f.database.value("SELECT kind || slots FROM slot_exceptions") == "skipped1");
}

TEST_CASE("a new token for a connection that waits for its slot does not collect it") {
    Outside f;
    const auto held = f.leases.claim_one("n1", 1);
    REQUIRE(held);
    auto transaction = f.session.begin();
    transaction.exec("renew_credential",
                     {1, held->sealed_credential, postgres::Bytes{1, 2, 3}, std::optional<Instant>{}});
    transaction.commit();
    CHECK(f.database.value("SELECT octet_length(credential) FROM connections") == "3");
    CHECK(f.slot() == "never due with it 0");
}

TEST_CASE("a firing tells whoever waits for work, once it is there to be claimed") {
    Outside f;
    auto listener = f.database.session("");
    listener.listen("tally");
    f.fire("'free'");
    ::pollfd socket{.fd = listener.socket(), .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&socket, 1, 10'000) == 1);
    CHECK(listener.take_notifications());
    CHECK(f.claim("n1", 10).size() == 1);
}
