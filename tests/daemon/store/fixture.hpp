// SPDX-License-Identifier: Apache-2.0
// What the tests of store and lease share: a database with one node and connections that are due, and runs for them.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "daemon/lease/lease_repository.hpp"
#include "daemon/store/registry.hpp"
#include "daemon/store/snapshot_store.hpp"
#include "daemon/store/vault.hpp"
#include "tests/support/database.hpp"

namespace tally::test {

using namespace std::chrono_literals;

/// Every next slot at the same distance from now.
inline store::SlotPlan slots_in(std::chrono::seconds distance) {
    return {.next = [distance](const std::string&, std::int64_t) { return now() + distance; },
            .slack = [](const std::string&) { return 900s; },
            .due = [](const std::string&, std::int64_t, Instant first,
                      Instant) { return schedule::Due{.served = first, .merged = 0, .merged_last = std::nullopt}; }};
}

/// A database with one node and some connections that are due.
struct StoreFixture {
    explicit StoreFixture(int connections = 1)
        : vault(Secret{std::string(32, 'k')}), session(database.session()), leases(session), store(database.session()) {
        leases.register_node({.id = "n1", .host = "h", .pid = 1, .version = "1"}, 60s);
        store::Registry registry{session, vault, slots_in(-1h)};
        registry.put_user("u", {.tier = "free", .zone = {}, .report_to = {}});
        for (int i = 1; i <= connections; ++i)
            registry.put_connection({.name = {"u", "youtube", "a" + std::to_string(i)},
                                     .attributes = {},
                                     .credential = Secret{"{}"},
                                     .expires_at = std::nullopt,
                                     .source = "test"});
    }

    store::RunResult result(const lease::Assignment& assignment, std::vector<platform::Sample> samples) const {
        store::RunResult run;
        run.lease = assignment.lease;
        run.user_id = assignment.user_id;
        run.platform = assignment.platform;
        run.account_id = assignment.account_id;
        run.zone = TimeZone::utc();
        run.node = "n1";
        run.started_at = now();
        run.samples = std::move(samples);
        run.next_due = run.next_slot = now() - 1s;
        return run;
    }

    /// From every lane of one kind.
    std::vector<lease::Assignment> claim(const std::string& node, unsigned limit,
                                         std::optional<Instant> at = std::nullopt, bool spare = false) {
        std::vector<lease::LaneShare> shares;
        for (const auto& head : leases.heads()) {
            if (head.lane.slack.has_value() != spare) shares.push_back({.lane = head.lane, .limit = limit});
        }
        return leases.claim(node, shares, limit, at);
    }

    /// When the first lane of one kind has something to do.
    std::optional<Instant> next_due(bool spare = false) {
        std::optional<Instant> next;
        for (const auto& head : leases.heads()) {
            if (head.lane.slack.has_value() != spare) next = next ? std::min(*next, head.due_at) : head.due_at;
        }
        return next;
    }

    store::RunReport store_once(std::vector<platform::Sample> samples) {
        const auto claimed = claim("n1", 10);
        REQUIRE(claimed.size() == 1);
        return store.store({result(claimed[0], std::move(samples))})[0];
    }

    /// One run of one connection, due or not, as `change` makes it.
    template <class Change>
    store::RunReport run(std::int64_t connection, Change change) {
        const auto assignment = leases.claim_one("n1", connection);
        REQUIRE(assignment);
        auto made = result(*assignment, {});
        change(made);
        return store.store({made})[0];
    }

    Database database;
    store::Vault vault;
    postgres::Session session;
    lease::LeaseRepository leases;
    store::SnapshotStore store;
};

}  // namespace tally::test
