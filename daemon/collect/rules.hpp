// SPDX-License-Identifier: Apache-2.0
// Everything that a reload replaces at once: configuration, platform files and what follows from them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/config/config.hpp"
#include "daemon/platform/catalog.hpp"
#include "daemon/platform/target.hpp"
#include "daemon/schedule/schedule.hpp"

namespace tally::collect {

/// Immutable; runs under way keep the one they began with.
struct Rules {
    config::Config config;
    platform::Catalog catalog;
    std::map<std::string, schedule::Schedule> schedules;  ///< by tier
    /// What platforms know us by: platform -> app, "" for the platform's main one.
    std::map<std::string, std::map<std::string, platform::App>> apps;

    /// Reads platform files, schedules and secrets for a configuration. @throws Error (config)
    static std::shared_ptr<const Rules> load(config::Config config);

    /// The schedule of a tier; a tier that the configuration does not know any more is served as the slowest one known.
    const schedule::Schedule& schedule_of(const std::string& tier) const;
    /// The app of a connection: the one that its attribute `app` names, else the main one; empty when none is
    /// configured.
    /// @throws Error (config) when it names an app that is not there
    platform::App app_of(const std::string& platform, const std::map<std::string, std::string>& attributes) const;
    /// How far back gaps are filled for a tier: the option, but not past the tier's retention.
    std::chrono::days backfill_of(const std::string& tier) const;
    /// A connection's place inside the spread; stable over restarts and versions.
    std::chrono::seconds phase_of(const std::string& tier, std::int64_t connection_id) const;
};

}  // namespace tally::collect
