// SPDX-License-Identifier: Apache-2.0
// Claims, releases and the node's heartbeat, in the database.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/postgres/session.hpp"
#include "daemon/lease/lease.hpp"

namespace tally::lease {

struct Node {
    std::string id;  ///< the same over restarts of one daemon
    std::string host;
    int pid = 0;
    std::string version;
};

/// Blocking; for one database thread at a time. Each operation is one transaction.
class LeaseRepository {
public:
    explicit LeaseRepository(postgres::Session& session) : session_(session) {}

    /// Announces the node and frees what an earlier life of it still held (it is dead: its state directory is ours).
    void register_node(const Node& node, std::chrono::seconds time_to_live);
    /// False when the node is not known any more: it has to register again.
    bool heartbeat(const std::string& node_id, std::chrono::seconds time_to_live);
    void retire_node(const std::string& node_id);

    /// Due connections, the longest due first. @param now nullopt: the database's clock
    std::vector<Assignment> claim(const std::string& node_id, unsigned limit,
                                  std::optional<Instant> now = std::nullopt);
    void release(const std::vector<Lease>& leases);
    std::optional<Instant> next_due();

private:
    postgres::Session& session_;
};

}  // namespace tally::lease
