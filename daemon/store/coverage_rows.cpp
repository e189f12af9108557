// SPDX-License-Identifier: Apache-2.0
// Coverage from its rows.
#include "daemon/store/coverage_rows.hpp"

namespace tally::store {

std::map<std::int64_t, platform::Coverage> load_coverage(postgres::Transaction& transaction,
                                                         const std::vector<std::int64_t>& ids) {
    std::map<std::int64_t, std::map<std::string, std::vector<platform::CoverageSpan>>> spans;
    for (const auto& row : transaction.exec("coverage_of", {ids})) {
        const auto state = platform::parse_day_state(row.view("state"));
        if (!state) throw Error(Fault::internal, "unknown coverage state '" + row.text("state") + "'");
        spans[row.integer("connection_id")][row.text("request")].push_back(
            {.days = {row.day("first_day"), row.day("last_day")}, .status = {*state, row.instant("asked_at")}});
    }
    std::map<std::int64_t, platform::Coverage> result;
    for (const auto& [id, requests] : spans) {
        for (const auto& [request, list] : requests) result[id][request] = platform::from_spans(list);
    }
    return result;
}

}  // namespace tally::store
