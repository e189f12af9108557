// SPDX-License-Identifier: Apache-2.0
// A database with two nodes, and duties done in it as the runner does them.
#pragma once

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "daemon/duty/work.hpp"
#include "daemon/lease/lease_repository.hpp"
#include "tests/support/database.hpp"

namespace tally::test {

struct DutyFixture {
    DutyFixture() : session1(database.session()), session2(database.session()), n1(session1), n2(session2) {
        for (const auto* node : {"n1", "n2"})
            lease::LeaseRepository{session1}.register_node({.id = node, .host = "h", .pid = 1, .version = "1"},
                                                           std::chrono::seconds{60});
    }

    /// Writes the duties down. Of those that a new database wants at once, one is due: "partitions".
    void plan() {
        n1.plan(now());
        database.execute("UPDATE duties SET due_at = now() + interval '1 h' WHERE name <> 'partitions'");
    }
    void kill(const std::string& node) const {
        database.execute("UPDATE nodes SET alive_until = now() - interval '1 s' WHERE node_id = '" + node + "'");
    }
    /// A column of one duty, or whatever follows from it.
    std::string value(const std::string& name, const std::string& expression) const {
        return database.value("SELECT " + expression + " FROM duties WHERE name = '" + name + "'");
    }
    std::string due(const std::string& name) const { return value(name, "due_at <= now()"); }
    duty::DutyState state(const std::string& name) {
        for (auto& state : n1.list())
            if (state.name == name) return state;
        FAIL("no such duty");
        return {};
    }

    /// Does one duty as node n1, and gives what it says.
    duty::Done run(const std::string& name) {
        n1.plan(now());
        database.execute("UPDATE duties SET due_at = now() + interval '1 h'");
        n1.request(name);
        const auto claim = n1.claim("n1");
        REQUIRE(claim);
        auto admin = database.session("tally_admin");
        duty::Work work{admin, *claim, rules, "n", stop};
        auto done = duty::find_duty(name).carry_out(work);
        REQUIRE(n1.finish(*claim, now() + std::chrono::hours{1}, done.words));
        return done;
    }

    Database database;
    postgres::Session session1, session2;
    duty::DutyRepository n1, n2;
    collect::Rules rules{.config = config::defaults(), .catalog = {}, .schedules = {}, .apps = {}};
    duty::Stop stop;
};

}  // namespace tally::test
