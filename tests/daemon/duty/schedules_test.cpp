// SPDX-License-Identifier: Apache-2.0
// A changed schedule moves the slots that have not come yet, and only those.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "daemon/schedule/schedule.hpp"
#include "tests/daemon/duty/fixture.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

struct Fixture : test::DutyFixture {
    Fixture() {
        rules.config.tiers.clear();
        set("free", 24h);
        set("premium", 1h);
        for (const auto* user : {"frieda", "petra"})
            database.execute(fmt::format("INSERT INTO users (user_id, tier) VALUES ('{}', '{}')", user,
                                         user[0] == 'f' ? "free" : "premium"));
    }
    void set(const std::string& tier, std::chrono::seconds every, std::chrono::seconds slack = 15min) {
        rules.config.tiers[tier] = {.name = tier, .every = every, .cron = {}, .slack = slack};
        rules.schedules.insert_or_assign(tier, schedule::make_schedule(rules.config.tiers[tier]));
    }
    /// Gives its id. `slot` and `collect` are SQL.
    std::string add(const std::string& user, const std::string& slot, const std::string& collect = "",
                    const std::string& state = "active") const {
        database.execute(
            fmt::format("INSERT INTO connections (user_id, platform, account_id, credential, state) VALUES "
                        "('{}', 'youtube', gen_random_uuid()::text, '', '{}')",
                        user, state));
        const auto id = database.value("SELECT max(connection_id) FROM connections");
        const auto at = collect.empty() ? slot : collect;
        database.execute(
            fmt::format("INSERT INTO slots (connection_id, lane, slack, collect_at, slot_at) "
                        "VALUES ({}, 'youtube', 60, {}, {})",
                        id, at, slot));
        return id;
    }
    std::string slot(const std::string& id, const std::string& expression) const {
        return database.value(fmt::format("SELECT {} FROM slots WHERE connection_id = {}", expression, id));
    }
};

}  // namespace

TEST_CASE("slots that have not come yet follow the new schedule; what is due, paused or of another tier stays") {
    Fixture f;
    CHECK(f.run("schedules").words == "no schedule has changed");
    const auto waits = f.add("frieda", "now() + interval '20 h'");
    const auto never = f.add("frieda", "'infinity'");
    const auto due = f.add("frieda", "now() - interval '1 min'");
    const auto paused = f.add("frieda", "now() + interval '20 h'", "'infinity'", "paused");
    const auto other = f.add("petra", "now() + interval '20 h'");
    CHECK_FALSE(f.run("schedules").changed);

    f.set("free", 10min, 300s);
    CHECK(f.run("schedules").words == "planned 3 slots of tier free anew");
    for (const auto& id : {waits, never}) {
        CHECK(f.slot(id, "slot_at <= now() + interval '10 min' AND slot_at > now()") == "true");
        CHECK(f.slot(id, "collect_at = slot_at AND due_at = slot_at AND slack = 300") == "true");
    }
    CHECK(f.slot(due, "slot_at < now() AND collect_at < now() AND slack = 60") == "true");
    CHECK(f.slot(paused, "slot_at < now() + interval '1 h' AND collect_at = 'infinity'") == "true");
    CHECK(f.slot(other, "slot_at > now() + interval '19 h'") == "true");
    CHECK_FALSE(f.run("schedules").changed);
}

TEST_CASE(
    "a retry or a run asked for by hand that comes before the new slot stands; the new slot comes before a later one") {
    Fixture f;
    f.run("schedules");
    const auto soon = f.add("frieda", "now() + interval '20 h'", "now() + interval '1 ms'");
    const auto later = f.add("frieda", "now() + interval '20 h'", "now() + interval '19 h'");
    const auto planned = f.slot(soon, "collect_at");
    f.set("free", 6h);
    CHECK(f.run("schedules").words == "planned 2 slots of tier free anew");
    CHECK(f.slot(soon, "slot_at <= now() + interval '6 h'") == "true");
    CHECK(f.slot(soon, "collect_at") == planned);
    CHECK(f.slot(later, "collect_at = slot_at AND slot_at <= now() + interval '6 h'") == "true");
}

TEST_CASE("a tier of many connections is planned page by page") {
    Fixture f;
    f.database.execute(
        "INSERT INTO connections (user_id, platform, account_id, credential) SELECT 'frieda', 'youtube', 'a' || n, '' "
        "FROM generate_series(1, 2500) n;"
        "INSERT INTO slots (connection_id, lane, slack, collect_at, slot_at) SELECT connection_id, 'youtube', "
        "60, at, at FROM connections, (SELECT now() + interval '20 h' AS at) t");
    CHECK(f.run("schedules").words == "planned 2,500 slots of tier free anew");
    f.set("free", 1h);
    f.run("schedules");
    CHECK(f.database.value("SELECT count(*) FROM slots WHERE slot_at > now() + interval '1 h'") == "0");
}
