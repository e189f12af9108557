// SPDX-License-Identifier: Apache-2.0
// Whether the schedules can be met: what connections ask for in the steady state against what the limits allow. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "daemon/platform/catalog.hpp"
#include "daemon/store/views.hpp"

namespace tally::collect {

/// What one connection of a tier asks for under one limit, once nothing is missing any more.
struct Appetite {
    std::int64_t first = 0;   ///< requests of the first slot of a day, which rereads the days that may have changed
    std::int64_t repeat = 0;  ///< requests of every further slot of that day
    std::int64_t slots = 1;   ///< of the busiest day
    double needed = 0;        ///< requests in the busiest window of the limit
};

struct TierLoad {
    std::string tier;
    Appetite each;
    std::optional<std::int64_t> connections;  ///< nullopt: could not be counted
    /// How many the limit carries while the other tiers stay as they are (nullopt: they ask for nothing here); of
    /// limits of scope app only.
    std::optional<std::int64_t> most;
};

enum class LoadVerdict {
    fits,
    tight,  ///< more than four fifths
    too_much
};
std::string_view to_text(LoadVerdict verdict) noexcept;

/// One limit of one app (scope app) or of one connection of the hungriest tier (token, account).
struct LimitLoad {
    std::string platform, limit;
    platform::BudgetScope scope = platform::BudgetScope::app;
    std::string app;  ///< of scope app
    std::chrono::milliseconds per{0};
    double needed = 0;   ///< in the busiest window
    double allowed = 0;  ///< of paces less than the file says: a steady rate must leave room for bursts
    std::vector<TierLoad> tiers;

    double percent() const noexcept { return allowed > 0 ? needed * 100 / allowed : 0; }
    LoadVerdict verdict() const noexcept;
};

struct LoadInput {
    const platform::Catalog& catalog;
    const config::Config& config;
    /// Active connections; nullopt: unknown. Then nothing is needed under limits of apps, but `most` is told.
    std::optional<std::vector<store::ConnectionCount>> connections;
    Instant now;
};

/// One entry a limit of each platform that is switched on, by platform in file order; of limits of scope app one for
/// each app that has connections (the main one always).
std::vector<LimitLoad> load_of(const LoadInput& in);

/// What is wrong with a limit that cannot keep up, by how much, and what helps: sentences.
std::string advice(const LimitLoad& load);

}  // namespace tally::collect
