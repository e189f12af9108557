// SPDX-License-Identifier: Apache-2.0
// Forgets what only the running daemons had a use for.
#include "common/counted.hpp"
#include "daemon/duty/work.hpp"

namespace tally::duty {

Done clean_up(Work& work) {
    auto transaction = work.begin();
    transaction.exec("free_leases_of_dead_nodes");
    const auto nodes = static_cast<std::int64_t>(transaction.exec("forget_dead_nodes").affected());
    const auto budgets = static_cast<std::int64_t>(transaction.exec("forget_old_budgets").affected());
    transaction.commit();
    std::vector<std::string> clauses;
    if (nodes > 0) clauses.push_back("forgot " + counted(nodes, "dead node", "dead nodes"));
    if (budgets > 0) clauses.push_back("forgot " + counted(budgets, "budget", "budgets"));
    return done(clauses, "nothing was too old");
}

}  // namespace tally::duty
