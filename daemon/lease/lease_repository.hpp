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

    /// Announces the node. What an earlier life of it still held is free from then on (it is dead: its state directory
    /// is ours).
    void register_node(const Node& node, std::chrono::seconds time_to_live);
    struct Beat {
        std::size_t nodes = 0;  ///< that live; 0 when this one is not known any more: it has to register again
        Instant clock;          ///< of the database
        std::int64_t schema_version = 0;
    };
    /// @param leases how many the node holds, for others to show
    Beat heartbeat(const std::string& node_id, std::chrono::seconds time_to_live, std::size_t leases);
    void retire_node(const std::string& node_id);

    /// The lanes in which something waits, due or not yet.
    std::vector<LaneHead> heads();
    /// Due connections of these lanes, those with the earliest deadline first, at most `limit` of all; then what may
    /// wait of lanes without slack. @param now nullopt: the database's clock
    std::vector<Assignment> claim(const std::string& node_id, const std::vector<LaneShare>& shares, unsigned limit,
                                  std::optional<Instant> now = std::nullopt);
    /// One connection, due or not, for what must not happen beside a run; nullopt while somebody serves it.
    std::optional<Assignment> claim_one(const std::string& node_id, std::int64_t connection_id);
    void release(const std::vector<Lease>& leases);
    /// Gives leases back that may not be served before some time.
    void defer(const std::vector<Deferral>& deferrals);

private:
    static std::vector<Assignment> complete(postgres::Transaction& transaction, std::vector<Lease> leases);
    postgres::Session& session_;
};

}  // namespace tally::lease
