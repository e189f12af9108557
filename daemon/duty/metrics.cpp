// SPDX-License-Identifier: Apache-2.0
// Tells those who read the table what the platform files know of each metric.
#include "common/counted.hpp"
#include "daemon/duty/work.hpp"

namespace tally::duty {

Done describe_metrics(Work& work) {
    std::vector<std::string> platforms, metrics, units, replaces;
    std::vector<bool> additive;
    for (const auto& platform : work.rules().catalog.all()) {
        for (const auto& metric : platform->metrics) {
            platforms.push_back(platform->name);
            metrics.push_back(metric.name);
            units.push_back(metric.unit);
            additive.push_back(metric.additive);
            replaces.push_back(metric.replaces);
        }
    }
    auto transaction = work.begin();
    const auto changed = transaction.exec("describe_metrics", {platforms, metrics, units, additive, replaces}).size();
    transaction.commit();
    if (changed == 0) return {.words = "no metric has changed", .changed = false};
    return {.words = "described " + counted(changed, "metric", "metrics")};
}

}  // namespace tally::duty
