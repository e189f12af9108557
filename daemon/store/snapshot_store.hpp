// SPDX-License-Identifier: Apache-2.0
// The only writer of analytics_snapshots: a batch of runs in one transaction, fenced by their leases.
#pragma once

#include <set>
#include <vector>

#include "common/postgres/session.hpp"
#include "daemon/store/run_result.hpp"

namespace tally::store {

/// Blocking; owns its session, for one thread at a time.
class SnapshotStore {
public:
    explicit SnapshotStore(postgres::Session session);

    /// Stores each run whole (numbers, coverage, outcome, next slot) or, when its lease was lost, not at all. Rows that
    /// cannot be stored cost only themselves. Results are in the order of `runs`; a connection appears at most once.
    /// @throws Error when the database fails: then nothing of the batch is stored
    std::vector<RunReport> store(const std::vector<RunResult>& runs);

private:
    struct Staged;
    using Indices = std::vector<std::size_t>;

    bool ensure_partitions(const std::vector<RunResult>& runs);
    bool partitions_were_missing(const std::vector<RunResult>& runs);
    void store_or_split(const std::vector<RunResult>& runs, std::vector<Staged>& staged, const Indices& members,
                        std::vector<RunReport>& reports);
    void drop_refused_rows(const RunResult& run, Staged& staged);
    void probe_rows(postgres::Transaction& transaction, const RunResult& run, const Indices& rows, Staged& staged);

    postgres::Session session_;
    std::set<Day> months_, run_days_;  // partitions known to exist, until a duty drops them
};

}  // namespace tally::store
