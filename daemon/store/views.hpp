// SPDX-License-Identifier: Apache-2.0
// What status, lists and health show, as the JSON of the HTTP interface.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/postgres/session.hpp"

namespace tally::store {

/// NULL-able filters; the page begins after `after`.
struct ListFilter {
    std::optional<std::string> user_id, platform, account_id, state, tier;
    std::optional<std::string> after;
    int limit = 1000;
};

/// A row of what all nodes together spent of a limit, or of who was told to wait.
struct BudgetRow {
    std::string platform, scope;
    std::string key;    ///< the app's name, the account's id, or a hash of the token
    std::string limit;  ///< empty: told to wait, whatever the limit
    std::optional<Instant> window_start, window_end;
    std::int64_t allowed = 0, granted = 0, used = 0;
    std::optional<Instant> blocked_until;
    std::string reason;
};

/// Active connections of one platform, app and tier.
struct ConnectionCount {
    std::string platform;
    std::string app;  ///< empty: the platform's main one
    std::string tier;
    std::int64_t connections = 0;
};

/// Blocking reads; for one database thread at a time.
class Views {
public:
    explicit Views(postgres::Session& session) : session_(session) {}

    /// The parts of /api/internal/status that the database knows: database, nodes, tiers (users, lateness), platforms,
    /// backlog, runs, attention, open_alerts (by kind), quarantine, backfills.
    nlohmann::json status();
    nlohmann::json users(const ListFilter& filter);        ///< {"users": […], "next": id or null}
    nlohmann::json connections(const ListFilter& filter);  ///< {"connections": […], "next": …}
    nlohmann::json jobs(const ListFilter& filter);         ///< {"jobs": […], "next": …}, the latest first
    std::optional<nlohmann::json> job(std::int64_t id);
    /// nullopt when there is no such group. requests_left is null until a connection has begun, estimated_seconds as
    /// long as the pace is not known.
    std::optional<nlohmann::json> group(std::int64_t id);
    /// {"quarantine": […]}: what platforms refuse. @param platform nullopt: all
    nlohmann::json quarantine(const std::optional<std::string>& platform);
    /// nullopt: any
    std::vector<BudgetRow> budgets(const std::optional<std::string>& platform,
                                   const std::optional<std::string>& scope = std::nullopt);
    /// [{"user_id", "requests"}, …]: the users whose runs made the most requests since then
    nlohmann::json spenders(const std::string& platform, Instant since);
    std::vector<ConnectionCount> connection_counts();
    nlohmann::json alerts(bool resolved_too);  ///< {"alerts": […]}, open ones first

private:
    postgres::Session& session_;
};

}  // namespace tally::store
