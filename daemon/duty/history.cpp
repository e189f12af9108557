// SPDX-License-Identifier: Apache-2.0
// Drops the old log of runs, and what nobody asks for without it.
#include "common/counted.hpp"
#include "daemon/duty/work.hpp"

namespace tally::duty {

namespace {

constexpr std::int64_t kRows = 5'000;  // of one transaction
constexpr std::chrono::days kTriggersKeep{30};

std::int64_t delete_before(Work& work, const char* statement, Instant before) {
    std::int64_t deleted = 0;
    for (std::int64_t some = kRows; some == kRows; work.rest()) {
        auto transaction = work.begin();
        const auto result = transaction.exec(statement, {before, kRows});
        transaction.commit();
        some = static_cast<std::int64_t>(result.affected());
        deleted += some;
    }
    return deleted;
}

}  // namespace

/// Consents are proofs: they stay.
Done trim_history(Work& work) {
    const auto keep = work.rules().config.history.runs;
    const auto [today, at] = database_day(work);
    const auto drop = drop_partitions(work, "runs", today - keep);
    std::vector<std::string> clauses;
    tell(drop, clauses);
    if (const auto count = delete_before(work, "delete_ended_triggers", at - kTriggersKeep); count > 0)
        clauses.push_back("forgot " + counted(count, "manual run", "manual runs"));
    if (const auto count = delete_before(work, "delete_slot_exceptions", at - keep); count > 0)
        clauses.push_back("forgot " + counted(count, "unserved slot", "unserved slots"));
    if (const auto count = delete_before(work, "delete_run_stats", at - keep); count > 0)
        clauses.push_back("forgot " + counted(count, "hour of counters", "hours of counters"));
    if (const auto count = delete_before(work, "delete_resolved_alerts", at - keep); count > 0)
        clauses.push_back("forgot " + counted(count, "alert that was over", "alerts that were over"));
    if (const auto count = delete_before(work, "delete_ended_messages", at - keep); count > 0)
        clauses.push_back("forgot " + counted(count, "message", "messages"));
    auto result = done(clauses, "nothing was too old");
    if (!drop.in_use.empty()) result.again = kInTheWay;
    return result;
}

}  // namespace tally::duty
