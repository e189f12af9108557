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
    /// How many nodes live; 0 when this one is not known any more: it has to register again.
    std::size_t heartbeat(const std::string& node_id, std::chrono::seconds time_to_live);
    void retire_node(const std::string& node_id);

    /// Due connections, the longest due first. @param now nullopt: the database's clock
    std::vector<Assignment> claim(const std::string& node_id, unsigned limit, std::optional<Instant> now = std::nullopt,
                                  Work work = Work::any);
    /// One connection, due or not, for what must not happen beside a run; nullopt while somebody serves it.
    std::optional<Assignment> claim_one(const std::string& node_id, std::int64_t connection_id);
    void release(const std::vector<Lease>& leases);
    /// Gives leases back that may not be served before some time.
    void defer(const std::vector<Deferral>& deferrals);
    /// When a claim may find something. @param work any or regular
    std::optional<Instant> next_due(Work work = Work::any);

private:
    std::vector<Assignment> complete(postgres::Transaction& transaction, const postgres::Result& claimed);
    postgres::Session& session_;
};

}  // namespace tally::lease
