// SPDX-License-Identifier: Apache-2.0
// Who may serve which connection: single claims, deferrals, the care of tokens, and how many nodes live.
#include "daemon/lease/lease_repository.hpp"

#include <doctest/doctest.h>

#include "tests/daemon/store/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

using Fixture = test::StoreFixture;

const Day kDay = parse_day("2026-11-10").value();

/// To the microsecond, as the database keeps it.
Instant moment(std::chrono::seconds from_now) {
    return std::chrono::floor<std::chrono::microseconds>(now()) + from_now;
}

struct SecondNode {
    explicit SecondNode(Fixture& f) : session(f.database.session()), leases(session) {
        leases.register_node({.id = "n2", .host = "h", .pid = 2, .version = "1"}, 60s);
    }
    postgres::Session session;
    lease::LeaseRepository leases;
};

void kill_node(const Fixture& f, const std::string& node) {
    f.database.execute("UPDATE nodes SET alive_until = now() - interval '1 s' WHERE node_id = '" + node + "'");
}

store::Registry registry_of(Fixture& f) {
    return {f.session, f.vault, test::slots_in(-1h)};
}

}  // namespace

TEST_CASE("one connection is leased whether it is due or not, unless somebody living serves it") {
    Fixture f{2};
    SecondNode other{f};
    f.run(1, [](store::RunResult& run) { run.next_due = run.next_slot = moment(3600s); });
    CHECK(f.claim("n1", 10, moment(0s)).size() == 1);  // only the other one is due

    const auto mine = f.leases.claim_one("n1", 1);
    REQUIRE(mine);
    CHECK(mine->lease.connection_id == 1);
    CHECK(mine->account_id == "a1");
    CHECK(mine->state == "active");
    CHECK_FALSE(other.leases.claim_one("n2", 1));
    CHECK_FALSE(f.leases.claim_one("n1", 1));
    CHECK_FALSE(f.leases.claim_one("n1", 99));
    kill_node(f, "n1");
    const auto taken = other.leases.claim_one("n2", 1);
    REQUIRE(taken);
    CHECK(taken->lease.token > mine->lease.token);
    CHECK_MESSAGE(!f.store.store({f.result(*mine, {})})[0].stored, "the lease of the dead node is worth nothing");
    CHECK(f.store.store({f.result(*taken, {})})[0].stored);
}

TEST_CASE("a node that is taken for dead claims nothing, not even what it holds itself") {
    Fixture f{2};
    const auto mine = f.leases.claim_one("n1", 1);
    REQUIRE(mine);
    kill_node(f, "n1");  // its clock jumped, or its heart missed beats: it serves connection 1 still
    CHECK(f.claim("n1", 10, moment(0s)).empty());
    CHECK_FALSE(f.leases.claim_one("n1", 1));
    CHECK(f.leases.heartbeat("n1", 60s, 0).nodes > 0);
    CHECK(f.claim("n1", 10, moment(0s)).size() == 1);
    CHECK(f.store.store({f.result(*mine, {})})[0].stored);
}

TEST_CASE("a single claim knows all that a claim in the row knows") {
    Fixture f;
    auto registry = registry_of(f);
    registry.trigger({.user_id = "u",
                      .platform = std::nullopt,
                      .account_id = std::nullopt,
                      .days = DayRange{kDay, kDay + std::chrono::days{2}}});
    f.run(1, [](store::RunResult& run) {
        run.coverage["daily"] = {{kDay, {platform::DayState::final, moment(0s)}}};
        run.refusals = {{.request = "daily",
                         .metric = "likes",
                         .code = "x",
                         .message = "y",
                         .expected = false,
                         .last_answered = std::nullopt}};
    });
    const auto one = f.leases.claim_one("n1", 1);
    REQUIRE(one);
    CHECK(one->coverage.at("daily").size() == 1);
    CHECK(one->refused == platform::MetricSets{{"daily", {"likes"}}});
    REQUIRE(one->triggers.size() == 1);
    CHECK(one->triggers[0].days == DayRange{kDay, kDay + std::chrono::days{2}});
    CHECK(one->lease.attempt == 0);  // it was not the slot that was served
    f.leases.release({one->lease});
    const auto due = f.claim("n1", 1);
    REQUIRE(due.size() == 1);
    CHECK(due[0].coverage == one->coverage);
    CHECK(due[0].refused == one->refused);
    CHECK(due[0].lease.attempt == 1);
}

TEST_CASE("what was told to wait goes back until then, and the attempt is not counted") {
    Fixture f{2};
    const auto until = moment(600s);
    auto claimed = f.claim("n1", 10);
    REQUIRE(claimed.size() == 2);
    CHECK(claimed[0].lease.attempt == 1);
    f.leases.defer({{.lease = claimed[0].lease, .until = until}, {.lease = claimed[1].lease, .until = moment(-60s)}});
    const auto again = f.claim("n1", 10);
    REQUIRE(again.size() == 1);  // a wait that is over defers nothing
    CHECK(again[0].lease.connection_id == claimed[1].lease.connection_id);
    CHECK(f.next_due() == until);
    CHECK(f.claim("n1", 10, until - 1s).empty());
    const auto later = f.claim("n1", 10, until);
    REQUIRE(later.size() == 1);
    CHECK(later[0].lease.attempt == 1);
    CHECK(later[0].lease.collect_at == until);
    CHECK(later[0].lease.slot_at == claimed[0].lease.slot_at);  // the slot stands
}

TEST_CASE("what a claim did not count, giving it back does not take away") {
    Fixture f;
    const auto attempts = [&] { return f.database.value("SELECT attempt FROM slots"); };
    f.run(1, [](store::RunResult& run) { run.next_attempt = 2; });
    const auto one = f.leases.claim_one("n1", 1);
    REQUIRE(one);
    f.leases.release({one->lease});
    CHECK(attempts() == "2");
    const auto other = f.leases.claim_one("n1", 1);
    REQUIRE(other);
    f.leases.defer({{.lease = other->lease, .until = moment(-60s)}});
    CHECK(attempts() == "2");
    const auto due = f.claim("n1", 1);
    REQUIRE(due.size() == 1);
    CHECK(due[0].lease.attempt == 3);
    f.leases.release({due[0].lease});
    CHECK(attempts() == "2");
}

TEST_CASE("deferring moves nothing forward, and nothing of a lost lease") {
    Fixture f;
    const auto slot = moment(3600s);
    f.run(1, [&](store::RunResult& run) { run.next_due = run.next_slot = slot; });
    auto early = f.leases.claim_one("n1", 1);
    REQUIRE(early);
    f.leases.defer({{.lease = early->lease, .until = slot - 30min}});
    CHECK(f.next_due() == slot);
    early = f.leases.claim_one("n1", 1);
    REQUIRE(early);
    early->lease.token += 1000;
    f.leases.defer({{.lease = early->lease, .until = slot + 1h}});
    CHECK(f.database.value("SELECT lease_node FROM slots") == "n1");
    early->lease.token -= 1000;
    f.leases.release({early->lease});
    CHECK(f.next_due() == slot);
}

TEST_CASE("a connection is due for its numbers or for the care of its token, whichever comes first") {
    Fixture f;
    const auto slot = moment(3600s), care = moment(600s);
    f.run(1, [&](store::RunResult& run) {
        run.next_due = run.next_slot = slot;
        run.upkeep_at = care;
    });
    CHECK(f.next_due() == care);
    CHECK(f.claim("n1", 1, care - 1s).empty());
    auto claimed = f.claim("n1", 1, care);
    REQUIRE(claimed.size() == 1);
    CHECK(claimed[0].lease.due_at == care);
    CHECK(claimed[0].lease.collect_at == slot);
    CHECK(claimed[0].lease.upkeep_at == care);
    f.leases.release({claimed[0].lease});
    f.run(1, [&](store::RunResult& run) { run.next_due = run.next_slot = slot; });  // needs no care any more
    CHECK(f.next_due() == slot);
}

TEST_CASE("a wait puts off the care of the token too, so that nobody claims in a loop what may not be asked") {
    Fixture f;
    const auto slot = moment(3600s), until = moment(600s);
    const auto told_to_wait = [&](std::optional<Instant> care) {
        f.run(1, [&](store::RunResult& run) {
            run.next_due = run.next_slot = slot;
            run.upkeep_at = care;
        });
        const auto claimed = f.leases.claim_one("n1", 1);
        REQUIRE(claimed);
        f.leases.defer({{.lease = claimed->lease, .until = until}});
        return f.next_due();
    };
    CHECK(told_to_wait(moment(-60s)) == until);
    CHECK(f.claim("n1", 1, until - 1s).empty());
    const auto due = f.claim("n1", 1, until);
    REQUIRE(due.size() == 1);
    f.leases.release({due[0].lease});
    CHECK(told_to_wait(until + 60s) == until + 60s);
    CHECK(told_to_wait(std::nullopt) == slot);
    CHECK_MESSAGE(f.database.value("SELECT upkeep_at FROM slots") == "NULL", "who needs no care needs none later");

    f.run(1, [&](store::RunResult& run) {
        run.next_due = run.next_slot = slot;
        run.upkeep_at = moment(-60s);
    });
    registry_of(f).pause({"u", "youtube", "a1"}, "holidays");
    const auto paused = f.claim("n1", 1);
    REQUIRE(paused.size() == 1);
    f.leases.defer({{.lease = paused[0].lease, .until = until}});
    CHECK(f.database.value("SELECT collect_at = 'infinity' AND due_at = upkeep_at FROM slots") == "true");
    CHECK(f.next_due() == until);
}

TEST_CASE("a paused connection is leased for its token only, one without a working token not at all") {
    Fixture f;
    const auto slot = moment(3600s), care = moment(600s);
    const auto with_care = [&](store::RunResult& run) {
        run.next_due = run.next_slot = slot;
        run.upkeep_at = care;
    };
    f.run(1, with_care);
    auto registry = registry_of(f);
    registry.pause({"u", "youtube", "a1"}, "holidays");
    CHECK(f.next_due() == care);
    const auto claimed = f.claim("n1", 1, care);
    REQUIRE(claimed.size() == 1);
    CHECK(claimed[0].state == "paused");
    CHECK(claimed[0].lease.collect_at == postgres::kNever);
    CHECK(f.store
              .store({[&] {
                  auto run = f.result(claimed[0], {});
                  with_care(run);
                  run.recorded = false;
                  return run;
              }()})[0]
              .stored);
    CHECK(f.next_due() == care);  // a run that ends meanwhile does not wake it
    CHECK_MESSAGE(f.database.value("SELECT count(*) FROM runs") == "1", "care alone is no run");
    registry.resume({"u", "youtube", "a1"});
    CHECK(f.database.value("SELECT collect_at = slot_at AND due_at = upkeep_at FROM slots") == "true");

    f.run(1, [&](store::RunResult& run) {
        with_care(run);
        run.connection_state = "needs_authorization";
    });
    CHECK_FALSE(f.next_due());
    CHECK(f.database.value("SELECT upkeep_at IS NULL AND due_at = 'infinity' FROM slots") == "true");
}

TEST_CASE("between lanes the earliest deadline comes first, not the longest wait") {
    Fixture f{4};
    const auto waits = [&](std::int64_t connection, std::chrono::seconds slack, Instant due) {
        f.run(connection, [&](store::RunResult& run) {
            run.next_due = run.next_slot = due;
            run.slack = slack;
        });
    };
    waits(1, 86400s, moment(-3600s));   // free, due for an hour: 23 h left
    waits(2, 900s, moment(-60s));       // premium, due for a minute: 14 min left
    waits(3, 900s, moment(-120s));      // premium: 13 min left
    waits(4, 86400s, moment(-86390s));  // free, its day is nearly over: 10 s left
    const auto claimed = [&](unsigned limit) {
        std::vector<std::int64_t> ids;
        std::vector<lease::Lease> leases;
        for (const auto& assignment : f.claim("n1", limit)) {
            ids.push_back(assignment.lease.connection_id);
            leases.push_back(assignment.lease);
        }
        f.leases.release(leases);
        return ids;
    };
    using Ids = std::vector<std::int64_t>;
    CHECK((claimed(10) == Ids{4, 3, 2, 1}));
    CHECK((claimed(1) == Ids{4}));
    CHECK((claimed(2) == Ids{4, 3}));
    registry_of(f).trigger({.user_id = "u", .platform = "youtube", .account_id = "a1", .days = {}});
    CHECK_MESSAGE((claimed(10) == Ids{1, 4, 3, 2}), "somebody waits for it: due for an hour, and without slack");
}

TEST_CASE("what may wait is claimed apart, costs no attempt, and the regular slot goes its own way") {
    Fixture f{4};
    auto registry = registry_of(f);
    const auto ask = [&](const std::string& account, std::optional<int> days_ago) {
        const Day today{std::chrono::floor<std::chrono::days>(now()).time_since_epoch()};
        std::optional<DayRange> days;
        if (days_ago) days = DayRange{today - std::chrono::days{*days_ago}, today - std::chrono::days{2}};
        registry.trigger({.user_id = "u", .platform = "youtube", .account_id = account, .days = days});
    };
    const auto served = [&](std::int64_t connection, Instant slot) {
        f.run(connection, [&](store::RunResult& run) { run.next_due = run.next_slot = slot; });
    };
    const auto claimed = [&](bool spare, unsigned limit = 10) {
        std::vector<std::int64_t> ids;
        for (const auto& assignment : f.claim("n1", limit, std::nullopt, spare)) {
            CHECK(assignment.lease.is_spare() == spare);
            CHECK(assignment.lease.counted == !spare);
            ids.push_back(assignment.lease.connection_id);
            f.leases.release({assignment.lease});
        }
        return ids;
    };
    using Ids = std::vector<std::int64_t>;
    ask("a1", 400);
    ask("a2", 400);
    ask("a3", 20);  // not the long past: somebody waits for it
    for (const std::int64_t id : {1, 2, 3}) served(id, moment(3600s));
    CHECK((claimed(false) == Ids{3, 4}));
    CHECK((claimed(true) == Ids{1, 2}));
    CHECK_MESSAGE((claimed(true, 1) == Ids{1}), "no more than there is room for");
    CHECK(f.database.value("SELECT attempt FROM slots WHERE connection_id = 1") == "0");

    f.run(4, [&](store::RunResult& run) {
        run.next_due = run.next_slot = moment(3600s);
        run.spare_at = moment(-60s);  // it found gaps
    });
    CHECK((claimed(true) == Ids{4, 1, 2}));
    served(4, moment(3600s));
    CHECK_MESSAGE((claimed(true) == Ids{1, 2}), "all filled");
    served(1, moment(-1s));
    CHECK_MESSAGE((claimed(false) == Ids{3, 1}), "its own slot is due");
    CHECK_MESSAGE((claimed(true) == Ids{2, 1}), "and the long past waits on");
    f.database.execute("UPDATE triggers SET state = 'succeeded' WHERE connection_id = 1");
    served(1, moment(3600s));
    CHECK((claimed(true) == Ids{2}));
    registry.pause({"u", "youtube", "a2"}, "holidays");
    CHECK_MESSAGE(claimed(true).empty(), "nothing of a connection that is paused");
}

TEST_CASE("a claim goes on behind its cursor, and finds what is in front of it again from the beginning") {
    Fixture f{5};
    const auto due = moment(-60s);
    for (std::int64_t id = 1; id <= 5; ++id)
        f.run(id, [&](store::RunResult& run) { run.next_due = run.next_slot = due; });
    const lease::Lane lane{"youtube", 900s};
    const auto behind = [&](lease::Cursor cursor, unsigned limit) {
        std::vector<std::int64_t> ids;
        std::vector<lease::Lease> leases;
        for (const auto& assignment : f.leases.claim("n1", {{.lane = lane, .limit = limit, .after = cursor}}, limit)) {
            ids.push_back(assignment.lease.connection_id);
            leases.push_back(assignment.lease);
        }
        f.leases.release(leases);
        return ids;
    };
    using Ids = std::vector<std::int64_t>;
    CHECK((behind({}, 2) == Ids{1, 2}));
    CHECK_MESSAGE((behind({due, 2}, 2) == Ids{3, 4}), "all of them are due at the same moment");
    CHECK(behind({due, 5}, 2).empty());
    CHECK((behind({due - 1s, 9}, 2) == Ids{1, 2}));
}

TEST_CASE("an app of its own is a lane of its own") {
    Fixture f{1};
    registry_of(f).put_connection({.name = {"u", "youtube", "b"},
                                   .attributes = {{"app", "login"}},
                                   .credential = Secret{"{}"},
                                   .expires_at = std::nullopt,
                                   .source = "test"});
    const auto heads = f.leases.heads();
    REQUIRE(heads.size() == 2);
    CHECK(heads[0].lane == lease::Lane{"youtube", 900s});
    CHECK(heads[1].lane == lease::Lane{"youtube/login", 900s});
    CHECK(heads[1].lane.platform() == "youtube");
    registry_of(f).put_connection({.name = {"u", "youtube", "b"},
                                   .attributes = {{"app", ""}},
                                   .credential = Secret{"{}"},
                                   .expires_at = std::nullopt,
                                   .source = "test"});
    CHECK_MESSAGE(f.leases.heads().size() == 1, "it moved to the platform's main app");
}

TEST_CASE("a node that starts again leaves what it held before to anyone, at once") {
    Fixture f{2};
    SecondNode other{f};
    const auto before = f.claim("n1", 1);
    REQUIRE(before.size() == 1);
    CHECK(f.claim("n2", 10).size() == 1);  // the other connection
    f.leases.register_node({.id = "n1", .host = "h", .pid = 3, .version = "1"}, 60s);
    const auto again = f.claim("n2", 10);
    REQUIRE(again.size() == 1);
    CHECK(again[0].lease.connection_id == before[0].lease.connection_id);
    CHECK_FALSE(f.store.store({f.result(before[0], {})})[0].stored);
    f.leases.release({again[0].lease});
    CHECK_MESSAGE(f.claim("n1", 10).size() == 1, "what it claims in this life is its own");
    CHECK(other.leases.claim_one("n2", before[0].lease.connection_id) == std::nullopt);
}

TEST_CASE("the lease of a node that nobody knows yet is respected") {
    Fixture f;
    f.database.execute("UPDATE slots SET lease_token = nextval('lease_token'), lease_node = 'just registered'");
    CHECK(f.claim("n1", 1).empty());
    CHECK_FALSE(f.leases.claim_one("n1", 1));
    CHECK_FALSE(f.next_due());
}

TEST_CASE("the heartbeat tells how many nodes live, and 0 to one that is not known") {
    Fixture f;
    CHECK(f.leases.heartbeat("n1", 60s, 0).nodes == 1);
    SecondNode other{f};
    CHECK(f.leases.heartbeat("n1", 60s, 0).nodes == 2);
    kill_node(f, "n2");
    CHECK(f.leases.heartbeat("n1", 60s, 0).nodes == 1);
    CHECK_MESSAGE(other.leases.heartbeat("n2", 60s, 0).nodes == 2, "late, and alive again");
    CHECK(f.leases.heartbeat("n3", 60s, 0).nodes == 0);
    other.leases.retire_node("n2");
    CHECK(other.leases.heartbeat("n2", 60s, 0).nodes == 0);
    CHECK(f.leases.heartbeat("n1", 60s, 0).nodes == 1);
}

TEST_CASE("no statement can leave a slot due at another time than its work") {
    Fixture f;
    CHECK_THROWS_AS(f.database.execute("UPDATE slots SET due_at = due_at - interval '1 s'"), postgres::SqlError);
    CHECK_THROWS_AS(f.database.execute("UPDATE slots SET collect_at = NULL"), postgres::SqlError);
    const auto slot = [&](const std::string& change, const std::string& expression) {
        f.database.execute("UPDATE slots SET " + change);
        return f.database.value("SELECT " + expression + " FROM slots");
    };
    CHECK(slot("collect_at = collect_at + interval '1 s'", "upkeep_at IS NULL AND due_at = collect_at") == "true");
    CHECK(slot("upkeep_at = collect_at - interval '1 s'", "due_at = upkeep_at") == "true");
    CHECK(slot("upkeep_at = collect_at + interval '1 s'", "due_at = collect_at") == "true");
}
