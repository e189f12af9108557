// SPDX-License-Identifier: Apache-2.0
// LeaseRepository over sql/queries/lease.sql.
#include "daemon/lease/lease_repository.hpp"

#include <nlohmann/json.hpp>
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

Assignment read_assignment(const postgres::Row& row) {
    return {.lease = {.connection_id = row.integer("connection_id"),
                      .token = row.integer("lease_token"),
                      .due_at = row.instant("due_at"),
                      .collect_at = row.instant("collect_at"),
                      .upkeep_at = row.optional_instant("upkeep_at"),
                      .slot_at = row.instant("slot_at"),
                      .attempt = static_cast<unsigned>(row.integer("attempt"))},
            .user_id = row.text("user_id"),
            .tier = row.text("tier"),
            .user_zone = row.text("zone"),
            .platform = row.text("platform"),
            .account_id = row.text("account_id"),
            .attributes = read_attributes(row.view("attributes")),
            .sealed_credential = row.bytes("credential"),
            .sealed_user_key = row.bytes("sealed_key"),
            .state = row.text("state"),
            .expires_at = row.optional_instant("expires_at"),
            .coverage = {},
            .triggers = {},
            .backfill = false,
            .refused = {},
            .probe = {}};
}

}  // namespace

void LeaseRepository::register_node(const Node& node, std::chrono::seconds time_to_live) {
    auto transaction = session_.begin();
    transaction.exec("register_node", {node.id, node.host, node.pid, node.version, time_to_live.count()});
    transaction.exec("free_leases_of_node", {node.id});
    transaction.exec("forget_dead_nodes");
    transaction.commit();
}

std::size_t LeaseRepository::heartbeat(const std::string& node_id, std::chrono::seconds time_to_live) {
    auto transaction = session_.begin();
    const auto result = transaction.exec("heartbeat", {node_id, time_to_live.count()});
    transaction.commit();
    return result.empty() ? 0 : static_cast<std::size_t>(result[0].integer("alive"));
}

void LeaseRepository::retire_node(const std::string& node_id) {
    auto transaction = session_.begin();
    transaction.exec("free_leases_of_node", {node_id});
    transaction.exec("retire_node", {node_id});
    transaction.commit();
}

std::vector<Assignment> LeaseRepository::claim(const std::string& node_id, unsigned limit, std::optional<Instant> now,
                                               Work work) {
    const auto backfills = work == Work::any ? std::nullopt : std::optional{work == Work::backfill};
    auto transaction = session_.begin();
    const auto claimed = transaction.exec("claim_due", {now, node_id, limit, backfills, kLongPast.count()});
    auto assignments = complete(transaction, claimed);
    transaction.commit();
    for (auto& assignment : assignments) assignment.backfill = work == Work::backfill;
    return assignments;
}

std::optional<Assignment> LeaseRepository::claim_one(const std::string& node_id, std::int64_t connection_id) {
    auto transaction = session_.begin();
    auto assignments = complete(transaction, transaction.exec("claim_one", {node_id, connection_id}));
    transaction.commit();
    if (assignments.empty()) return std::nullopt;
    assignments.front().lease.counted = false;
    return std::move(assignments.front());
}

/// Adds what stands in other tables to the rows of a claim.
std::vector<Assignment> LeaseRepository::complete(postgres::Transaction& transaction, const postgres::Result& claimed) {
    std::vector<Assignment> assignments;
    std::vector<std::int64_t> ids;
    std::unordered_map<std::int64_t, std::size_t> by_id;
    for (const auto& row : claimed) {
        assignments.push_back(read_assignment(row));
        ids.push_back(assignments.back().lease.connection_id);
        by_id[ids.back()] = assignments.size() - 1;
    }
    if (assignments.empty()) return assignments;
    for (auto& [id, coverage] : store::load_coverage(transaction, ids))
        assignments[by_id.at(id)].coverage = std::move(coverage);
    for (const auto& row : transaction.exec("waiting_triggers_of", {ids})) {
        Trigger trigger{
            .id = row.integer("trigger_id"), .days = std::nullopt, .requested_at = row.instant("requested_at")};
        if (const auto from = row.optional_day("from_day")) trigger.days = DayRange{*from, row.day("to_day")};
        assignments[by_id.at(row.integer("connection_id"))].triggers.push_back(trigger);
    }
    for (const auto& row : transaction.exec("quarantine_of", {ids})) {
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
    transaction.exec("defer_leases", {ids, tokens, counted, until});
    transaction.commit();
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
    transaction.exec("release_leases", {ids, tokens, counted});
    transaction.commit();
}

std::optional<Instant> LeaseRepository::next_due(Work work) {
    auto transaction = session_.begin_read_only();
    const auto result = transaction.exec("next_due", {work == Work::any, kLongPast.count()});
    return result.empty() ? std::nullopt : std::optional{result[0].instant("due_at")};
}

}  // namespace tally::lease
