// SPDX-License-Identifier: Apache-2.0
// LeaseRepository over sql/queries/lease.sql.
#include "daemon/lease/lease_repository.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>

#include "daemon/store/coverage_rows.hpp"

namespace tally::lease {

namespace {

std::map<std::string, std::string> read_attributes(std::string_view text) {
    std::map<std::string, std::string> attributes;
    const auto object = nlohmann::json::parse(text);
    for (const auto& [name, value] : object.items())
        attributes[name] = value.is_string() ? value.get<std::string>() : value.dump();
    return attributes;
}

/// @param spare whether it was claimed as something that may wait
Lease read_lease(const postgres::Row& row, bool counted, bool spare) {
    return {.connection_id = row.integer("connection_id"),
            .token = row.integer("lease_token"),
            .due_at = row.instant("due_at"),
            .collect_at = row.instant("collect_at"),
            .upkeep_at = row.optional_instant("upkeep_at"),
            .spare_at = row.optional_instant("spare_at"),
            .slot_at = row.instant("slot_at"),
            .attempt = static_cast<unsigned>(row.integer("attempt")),
            .counted = counted,
            .lane = {.name = row.text("lane"),
                     .slack = spare ? std::nullopt : std::optional{std::chrono::seconds{row.integer("slack")}}}};
}

Assignment read_assignment(const postgres::Row& row) {
    return {.lease = {},
            .user_id = row.text("user_id"),
            .tier = row.text("tier"),
            .user_zone = row.text("zone"),
            .platform = row.text("platform"),
            .account_id = row.text("account_id"),
            .attributes = read_attributes(row.view("attributes")),
            .sealed_credential = row.bytes("credential"),
            .sealed_user_key = row.bytes("sealed_key"),
            .claimed_at = row.instant("clock"),
            .state = row.text("state"),
            .expires_at = row.optional_instant("expires_at"),
            .coverage = {},
            .triggers = {},
            .probe_of_platform = false,
            .refused = {},
            .probe = {}};
}

/// Shares as the columns of a statement.
struct ShareColumns {
    std::vector<std::string> lanes;
    std::vector<std::int64_t> slacks, after_ids, limits;
    std::vector<Instant> after_due;

    void add(const LaneShare& share) {
        lanes.push_back(share.lane.name);
        slacks.push_back(share.lane.slack.value_or(std::chrono::seconds{0}).count());
        after_due.push_back(share.after.due_at);
        after_ids.push_back(share.after.connection_id);
        limits.push_back(share.limit);
    }
};

}  // namespace

void LeaseRepository::register_node(const Node& node, std::chrono::seconds time_to_live) {
    auto transaction = session_.begin();
    transaction.commit(
        {{.statement = "register_node", .params = {node.id, node.host, node.pid, node.version, time_to_live.count()}}});
}

LeaseRepository::Beat LeaseRepository::heartbeat(const std::string& node_id, std::chrono::seconds time_to_live,
                                                 std::size_t leases) {
    auto transaction = session_.begin();
    const auto result = transaction
                            .commit({{.statement = "heartbeat",
                                      .params = {node_id, time_to_live.count(), static_cast<std::int64_t>(leases)}}})
                            .front();
    if (result.empty()) return {};
    return {.nodes = static_cast<std::size_t>(result[0].integer("alive")),
            .clock = result[0].instant("clock"),
            .schema_version = result[0].integer("schema_version")};
}

void LeaseRepository::retire_node(const std::string& node_id) {
    auto transaction = session_.begin();
    transaction.commit(
        {{.statement = "free_leases_of_node", .params = {node_id}}, {.statement = "retire_node", .params = {node_id}}});
}

std::vector<LaneHead> LeaseRepository::heads() {
    auto transaction = session_.begin_read_only();
    std::vector<LaneHead> heads;
    for (const auto& row : transaction.exec("lane_heads"))
        heads.push_back({.lane = {.name = row.text("lane"), .slack = std::chrono::seconds{row.integer("slack")}},
                         .due_at = row.instant("due_at")});
    for (const auto& row : transaction.exec("spare_heads"))
        heads.push_back({.lane = {.name = row.text("lane"), .slack = std::nullopt}, .due_at = row.instant("due_at")});
    return heads;
}

std::vector<Assignment> LeaseRepository::claim(const std::string& node_id, const std::vector<LaneShare>& shares,
                                               unsigned limit, std::optional<Instant> now) {
    ShareColumns due, spare;
    for (const auto& share : shares) (share.lane.slack ? due : spare).add(share);
    std::vector<Lease> leases;
    auto transaction = session_.begin();
    if (!due.lanes.empty() && limit > 0) {
        for (const auto& row : transaction.exec(
                 "claim_lanes", {now, node_id, limit, due.lanes, due.slacks, due.after_due, due.after_ids, due.limits}))
            leases.push_back(read_lease(row, true, false));
    }
    const auto left = limit - static_cast<unsigned>(leases.size());
    if (!spare.lanes.empty() && left > 0) {
        for (const auto& row : transaction.exec("claim_spare", {now, node_id, left, spare.lanes, spare.limits}))
            leases.push_back(read_lease(row, false, true));
    }
    return complete(transaction, std::move(leases));
}

std::optional<Assignment> LeaseRepository::claim_one(const std::string& node_id, std::int64_t connection_id) {
    auto transaction = session_.begin();
    const auto claimed = transaction.exec("claim_one", {node_id, connection_id});
    std::vector<Lease> leases;
    if (!claimed.empty()) leases.push_back(read_lease(claimed[0], false, false));
    auto assignments = complete(transaction, std::move(leases));
    if (assignments.empty()) return std::nullopt;
    return std::move(assignments.front());
}

/// Adds what stands in other tables, and commits; in the order of deadlines, what may wait last.
std::vector<Assignment> LeaseRepository::complete(postgres::Transaction& transaction, std::vector<Lease> leases) {
    if (leases.empty()) {
        transaction.commit();
        return {};
    }
    std::sort(leases.begin(), leases.end(), [](const Lease& a, const Lease& b) {
        const auto rank = [](const Lease& lease) {
            const auto deadline = lease.is_spare() ? lease.spare_at.value_or(lease.due_at)
                                                   : lease.due_at + lease.lane.slack.value_or(std::chrono::seconds{0});
            return std::tuple{lease.is_spare(), deadline, lease.connection_id};
        };
        return rank(a) < rank(b);
    });
    std::vector<std::int64_t> ids;
    std::unordered_map<std::int64_t, std::size_t> by_id;
    for (const auto& lease : leases) {
        by_id[lease.connection_id] = ids.size();
        ids.push_back(lease.connection_id);
    }
    const auto known = transaction.commit({{.statement = "connections_of", .params = {ids}},
                                           {.statement = "coverage_of", .params = {ids}},
                                           {.statement = "waiting_triggers_of", .params = {ids}},
                                           {.statement = "quarantine_of", .params = {ids}}});
    std::vector<Assignment> assignments(leases.size());
    for (const auto& row : known[0]) assignments[by_id.at(row.integer("connection_id"))] = read_assignment(row);
    for (std::size_t i = 0; i < leases.size(); ++i) assignments[i].lease = std::move(leases[i]);
    for (auto& [id, coverage] : store::read_coverage(known[1]))
        assignments[by_id.at(id)].coverage = std::move(coverage);
    for (const auto& row : known[2]) {
        Trigger trigger{
            .id = row.integer("trigger_id"), .days = std::nullopt, .requested_at = row.instant("requested_at")};
        if (const auto from = row.optional_day("from_day")) trigger.days = DayRange{*from, row.day("to_day")};
        assignments[by_id.at(row.integer("connection_id"))].triggers.push_back(trigger);
    }
    for (const auto& row : known[3]) {
        auto& assignment = assignments[by_id.at(row.integer("connection_id"))];
        (row.boolean("probe") ? assignment.probe : assignment.refused)[row.text("request")].insert(row.text("metric"));
    }
    return assignments;
}

void LeaseRepository::defer(const std::vector<Deferral>& deferrals) {
    std::vector<std::int64_t> ids, tokens;
    std::vector<bool> counted;
    std::vector<Instant> until;
    for (const auto& deferral : deferrals) {
        ids.push_back(deferral.lease.connection_id);
        tokens.push_back(deferral.lease.token);
        counted.push_back(deferral.lease.counted);
        until.push_back(deferral.until);
    }
    auto transaction = session_.begin();
    transaction.commit({{.statement = "defer_leases", .params = {ids, tokens, counted, until}}});
}

void LeaseRepository::release(const std::vector<Lease>& leases) {
    std::vector<std::int64_t> ids, tokens;
    std::vector<bool> counted;
    for (const auto& lease : leases) {
        ids.push_back(lease.connection_id);
        tokens.push_back(lease.token);
        counted.push_back(lease.counted);
    }
    auto transaction = session_.begin();
    transaction.commit({{.statement = "release_leases", .params = {ids, tokens, counted}}});
}

}  // namespace tally::lease
