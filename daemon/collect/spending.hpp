// SPDX-License-Identifier: Apache-2.0
// What is spent of the platforms' limits and what a plan would take of them, for people. Pure: the clock is given.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/collect/budget_book.hpp"
#include "daemon/collect/rules.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/store/views.hpp"

namespace tally::collect {

/// One limit of one app, token or account, as far as all nodes together know; or a wait that a platform demanded.
struct Spending {
    std::string platform;
    std::string limit;  ///< empty: a wait, whatever the limit
    platform::BudgetScope scope = platform::BudgetScope::app;
    std::string key;  ///< the app's name, the account's id, a hash of the token; empty: nobody spent anything yet
    std::chrono::milliseconds per{0};
    bool counted = true;        ///< false: a pace, which each node keeps for itself; nothing is known to be used
    std::int64_t allowed = 0;   ///< requests in the window
    std::int64_t used = 0;      ///< sent
    std::int64_t reserved = 0;  ///< handed out to nodes and not sent yet
    std::optional<Window> window;
    std::optional<Instant> empty_at;  ///< at the pace since the window's start; nullopt: not in this window
    std::optional<Instant> blocked_until;
    std::string reason;  ///< of the wait

    std::int64_t left() const noexcept { return used < allowed ? allowed - used : 0; }
};

/// Every limit of the platform files, those that nobody touched included, then the waits. By platform.
/// @param platform nullopt: all. @param rows what the database holds
std::vector<Spending> spending_of(const Rules& rules, const std::optional<std::string>& platform,
                                  const std::vector<store::BudgetRow>& rows, Instant now);

/// The longest counted window that is running: whose spenders are of interest. Without one, the last 24 hours.
Instant spent_since(const platform::Platform& platform, Instant now);

/// What one connection's plan takes.
struct PlannedCost {
    platform::Target target;
    std::vector<platform::Task> tasks;
};

/// What plans take of one limit.
struct LimitCost {
    std::string limit;
    platform::BudgetScope scope = platform::BudgetScope::app;
    std::string key;          ///< scope app: the app; account: the account that is tightest; token: empty
    std::int64_t needed = 0;  ///< one page a request
    bool counted = true;      ///< false: a pace, of which nothing is left or used up
    std::int64_t allowed = 0, left = 0;
    std::chrono::milliseconds per{0};
    /// When the last of it could be sent, from now on; nullopt: all of it now (in a pace: as fast as that goes).
    std::optional<Instant> fits_at;
};

struct PlatformCost {
    std::string platform;
    std::size_t connections = 0;
    std::int64_t requests = 0;
    bool at_least = false;  ///< some requests may have further pages
    std::vector<LimitCost> limits;
    std::optional<Instant> blocked_until;  ///< an app that was told to wait
    std::string reason;
};

/// @param spending of this platform
PlatformCost cost_of(const platform::Platform& platform, const std::vector<PlannedCost>& plans,
                     const std::vector<Spending>& spending, Instant now);

}  // namespace tally::collect
