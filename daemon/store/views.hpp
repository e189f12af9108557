// SPDX-License-Identifier: Apache-2.0
// What status, lists and health show, as the JSON of the HTTP interface.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "common/postgres/session.hpp"

namespace tally::store {

/// NULL-able filters; the page begins after `after`.
struct ListFilter {
    std::optional<std::string> user_id, platform, account_id, state, tier;
    std::optional<std::string> after;
    int limit = 1000;
};

/// Blocking reads; for one database thread at a time.
class Views {
public:
    explicit Views(postgres::Session& session) : session_(session) {}

    /// The parts of /api/internal/status that the database knows: database, nodes, tiers (users, next_slot), platforms,
    /// backlog, runs, attention.
    nlohmann::json status();
    nlohmann::json users(const ListFilter& filter);        ///< {"users": […], "next": id or null}
    nlohmann::json connections(const ListFilter& filter);  ///< {"connections": […], "next": …}
    nlohmann::json jobs(const ListFilter& filter);         ///< {"jobs": […]}
    std::optional<nlohmann::json> job(std::int64_t id);
    /// nullopt when there is no such group
    std::optional<nlohmann::json> group(std::int64_t id);
    nlohmann::json alerts(bool resolved_too);  ///< {"alerts": […]}, open ones first

private:
    postgres::Session& session_;
};

}  // namespace tally::store
