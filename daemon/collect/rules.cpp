// SPDX-License-Identifier: Apache-2.0
// Builds the rules from a configuration.
#include "daemon/collect/rules.hpp"

#include <algorithm>

#include "common/config/data_files.hpp"

namespace tally::collect {

std::shared_ptr<const Rules> Rules::load(config::Config config) {
    auto catalog = platform::Catalog::load(config::platform_directories());
    std::map<std::string, schedule::Schedule> schedules;
    for (const auto& [name, tier] : config.tiers) schedules.emplace(name, schedule::make_schedule(tier));
    return std::make_shared<const Rules>(
        Rules{.config = std::move(config), .catalog = std::move(catalog), .schedules = std::move(schedules)});
}

const schedule::Schedule& Rules::schedule_of(const std::string& tier) const {
    if (const auto found = schedules.find(tier); found != schedules.end()) return found->second;
    const auto at = now();
    return std::max_element(schedules.begin(), schedules.end(),
                            [&](const auto& a, const auto& b) {
                                return schedule::next_slot(a.second, std::chrono::seconds{0}, at, at) <
                                       schedule::next_slot(b.second, std::chrono::seconds{0}, at, at);
                            })
        ->second;
}

std::chrono::days Rules::backfill_of(const std::string& tier) const {
    const auto found = config.tiers.find(tier);
    if (found == config.tiers.end() || !found->second.retention) return config.collect.backfill;
    return std::min(config.collect.backfill, *found->second.retention);
}

std::chrono::seconds Rules::phase_of(const std::string& tier, std::int64_t connection_id) const {
    return schedule::phase_of(std::to_string(connection_id), schedule_of(tier).spread);
}

}  // namespace tally::collect
