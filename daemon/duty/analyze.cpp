// SPDX-License-Identifier: Apache-2.0
// Statistics for the planner where autovacuum does not come by: partitioned tables, and what an import has just filled.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/duty/work.hpp"

namespace tally::duty {

namespace {

std::vector<std::string> analyze_all(Work& work, const char* statement) {
    std::vector<std::string> names;
    {
        auto transaction = work.begin();
        for (const auto& row : transaction.exec(statement)) names.push_back(row.text("name"));
    }
    for (const auto& name : names) work.exec_alone("ANALYZE " + postgres::quote_identifier(name));
    return names;
}

}  // namespace

Done analyze(Work& work) {
    auto names = analyze_all(work, "parents_to_analyze");  // their partitions go with them
    const auto tables = analyze_all(work, "tables_to_analyze");
    names.insert(names.end(), tables.begin(), tables.end());
    std::vector<std::string> clauses;
    if (!names.empty()) clauses.push_back(fmt::format("analysed {}", fmt::join(names, ", ")));
    return done(clauses, "no table has changed enough");
}

}  // namespace tally::duty
