// SPDX-License-Identifier: Apache-2.0
// Builds the rules from a configuration.
#include "daemon/collect/rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/config/data_files.hpp"
#include "common/error.hpp"
#include "common/time_zone.hpp"

namespace tally::collect {

namespace {

platform::App read_app(const std::optional<config::SecretRef>& id, const std::optional<config::SecretRef>& secret) {
    return {.client_id = id ? config::resolve(*id).reveal() : std::string{},
            .client_secret = secret ? config::resolve(*secret) : Secret{}};
}

std::map<std::string, std::map<std::string, platform::App>> read_apps(const config::Config& config) {
    std::map<std::string, std::map<std::string, platform::App>> apps;
    for (const auto& [name, settings] : config.platforms) {
        auto& own = apps[name];
        own.emplace("", read_app(settings.client_id, settings.client_secret));
        for (const auto& [app, pair] : settings.apps) own.emplace(app, read_app(pair.client_id, pair.client_secret));
    }
    return apps;
}

}  // namespace

std::shared_ptr<const Rules> Rules::load(config::Config config) {
    auto catalog = platform::Catalog::load(config::platform_directories(config.source_file));
    std::map<std::string, schedule::Schedule> schedules;
    for (const auto& [name, tier] : config.tiers) schedules.emplace(name, schedule::make_schedule(tier));
    auto apps = read_apps(config);
    return std::make_shared<const Rules>(Rules{.config = std::move(config),
                                               .catalog = std::move(catalog),
                                               .schedules = std::move(schedules),
                                               .apps = std::move(apps)});
}

platform::App Rules::app_of(const std::string& platform, const std::map<std::string, std::string>& attributes) const {
    const auto known = apps.find(platform);
    const auto named = attributes.find("app");
    const std::string name = named == attributes.end() ? "" : named->second;
    if (known != apps.end()) {
        if (const auto app = known->second.find(name); app != known->second.end()) return app->second;
    }
    if (name.empty()) return {};
    throw Error(Fault::config, fmt::format("the connection's app '{}' is not configured", name),
                fmt::format("Add platforms.{}.apps.{} to tallyd.yaml.", platform, name));
}

const schedule::Schedule& Rules::schedule_of(const std::string& tier) const {
    if (const auto found = schedules.find(tier); found != schedules.end()) return found->second;
    // One without slots of its own would never serve it.
    const auto rank = [at = now()](const schedule::Schedule& schedule) {
        const auto next = schedule::next_slot(schedule, std::chrono::seconds{0}, at, at);
        return next == schedule::kNoSlot ? Instant::min() : next;
    };
    return std::max_element(schedules.begin(), schedules.end(),
                            [&](const auto& a, const auto& b) { return rank(a.second) < rank(b.second); })
        ->second;
}

std::optional<std::chrono::days> Rules::longest_retention() const {
    std::chrono::days longest{0};
    for (const auto& [name, tier] : config.tiers) {
        if (!tier.retention) return std::nullopt;
        longest = std::max(longest, *tier.retention);
    }
    return longest;
}

std::optional<std::chrono::days> Rules::retention_of(const std::string& tier) const {
    const auto found = config.tiers.find(tier);
    return found == config.tiers.end() ? longest_retention() : found->second.retention;
}

std::optional<Day> Rules::oldest_kept(const std::string& tier, Instant at) const {
    const auto retention = retention_of(tier);
    return retention ? std::optional{TimeZone::utc().day_of(at) - *retention} : std::nullopt;
}

std::chrono::days Rules::backfill_of(const std::string& tier) const {
    return std::min(config.collect.backfill, retention_of(tier).value_or(config.collect.backfill));
}

std::optional<unsigned> Rules::lane_concurrency(const std::string& lane) const {
    const auto slash = lane.find('/');
    const auto platform = config.platforms.find(lane.substr(0, slash));
    if (slash == std::string::npos || platform == config.platforms.end()) return std::nullopt;
    const auto app = platform->second.apps.find(lane.substr(slash + 1));
    const bool limited = app != platform->second.apps.end() && app->second.concurrency > 0;
    return limited ? std::optional{app->second.concurrency} : std::nullopt;
}

std::chrono::seconds Rules::slack_of(const std::string& tier) const {
    const auto found = config.tiers.find(tier);
    return found == config.tiers.end() ? std::chrono::seconds{std::chrono::days{1}} : found->second.slack;
}

std::chrono::seconds Rules::phase_of(const std::string& tier, std::int64_t connection_id) const {
    return schedule::phase_of(std::to_string(connection_id), schedule_of(tier).spread);
}

Instant Rules::next_slot(const std::string& tier, std::int64_t connection_id, Instant after) const {
    return schedule::next_slot(schedule_of(tier), phase_of(tier, connection_id), std::nullopt, after);
}

}  // namespace tally::collect
