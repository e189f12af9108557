// SPDX-License-Identifier: Apache-2.0
// Everything that a reload replaces at once: configuration, platform files and what follows from them.
#pragma once

#include <map>
#include <memory>
#include <optional>
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
    /// How long a tier's numbers are kept; nullopt: for ever. A tier that the configuration does not know, and users
    /// that are gone, have the longest one.
    std::optional<std::chrono::days> retention_of(const std::string& tier) const;
    std::optional<std::chrono::days> longest_retention() const;
    /// The oldest day that is kept of a tier; nullopt: all are.
    std::optional<Day> oldest_kept(const std::string& tier, Instant at) const;
    /// How far back gaps are filled for a tier: the option, but not past the tier's retention.
    std::chrono::days backfill_of(const std::string& tier) const;
    /// How many runs of a lane (a platform, or PLATFORM/APP) may be under way at once; nullopt: it has no limit of its
    /// own.
    std::optional<unsigned> lane_concurrency(const std::string& lane) const;
    /// How long after it fell due work of a tier should be begun.
    std::chrono::seconds slack_of(const std::string& tier) const;
    /// A connection's place inside the spread; stable over restarts and versions.
    std::chrono::seconds phase_of(const std::string& tier, std::int64_t connection_id) const;
    /// A connection's first regular slot after a moment.
    Instant next_slot(const std::string& tier, std::int64_t connection_id, Instant after) const;
};

}  // namespace tally::collect
