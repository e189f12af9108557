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
            .coverage = {},
            .triggers = {}};
}

}  // namespace

void LeaseRepository::register_node(const Node& node, std::chrono::seconds time_to_live) {
    auto transaction = session_.begin();
    transaction.exec("register_node", {node.id, node.host, node.pid, node.version, time_to_live.count()});
    transaction.exec("free_leases_of_node", {node.id});
    transaction.exec("forget_dead_nodes");
    transaction.commit();
}

bool LeaseRepository::heartbeat(const std::string& node_id, std::chrono::seconds time_to_live) {
    auto transaction = session_.begin();
    const auto result = transaction.exec("heartbeat", {node_id, time_to_live.count()});
    transaction.commit();
    return result.affected() == 1;
}

void LeaseRepository::retire_node(const std::string& node_id) {
    auto transaction = session_.begin();
    transaction.exec("free_leases_of_node", {node_id});
    transaction.exec("retire_node", {node_id});
    transaction.commit();
}

std::vector<Assignment> LeaseRepository::claim(const std::string& node_id, unsigned limit, std::optional<Instant> now) {
    auto transaction = session_.begin();
    std::vector<Assignment> assignments;
    std::vector<std::int64_t> ids;
    std::unordered_map<std::int64_t, std::size_t> by_id;
    for (const auto& row : transaction.exec("claim_due", {now, node_id, limit})) {
        assignments.push_back(read_assignment(row));
        ids.push_back(assignments.back().lease.connection_id);
        by_id[ids.back()] = assignments.size() - 1;
    }
    if (assignments.empty()) return assignments;
    for (auto& [id, coverage] : store::load_coverage(transaction, ids))
        assignments[by_id.at(id)].coverage = std::move(coverage);
    for (const auto& row : transaction.exec("waiting_triggers_of", {ids})) {
        Trigger trigger{.id = row.integer("trigger_id"), .days = std::nullopt};
        if (const auto from = row.optional_day("from_day")) trigger.days = DayRange{*from, row.day("to_day")};
        assignments[by_id.at(row.integer("connection_id"))].triggers.push_back(trigger);
    }
    transaction.commit();
    return assignments;
}

void LeaseRepository::release(const std::vector<Lease>& leases) {
    std::vector<std::int64_t> ids, tokens;
    for (const auto& lease : leases) {
        ids.push_back(lease.connection_id);
        tokens.push_back(lease.token);
    }
    auto transaction = session_.begin();
    transaction.exec("release_leases", {ids, tokens});
    transaction.commit();
}

std::optional<Instant> LeaseRepository::next_due() {
    auto transaction = session_.begin_read_only();
    const auto result = transaction.exec("next_due");
    return result.empty() ? std::nullopt : std::optional{result[0].instant("due_at")};
}

}  // namespace tally::lease
