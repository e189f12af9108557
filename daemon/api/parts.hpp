// SPDX-License-Identifier: Apache-2.0
// What the routes work with, and how they reach the database.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <string>
#include <utility>

#include "common/postgres/pool.hpp"
#include "daemon/collect/collector.hpp"
#include "daemon/collect/dispatcher.hpp"
#include "daemon/collect/token_client.hpp"
#include "daemon/collect/token_keeper.hpp"
#include "daemon/net/async.hpp"
#include "daemon/schedule/schedule.hpp"
#include "daemon/service/database_watch.hpp"
#include "daemon/store/registry.hpp"
#include "daemon/store/views.hpp"

namespace tally::api {

/// What only the daemon itself knows; read at each request.
struct DaemonFacts {
    Instant started_at;
    std::string node;
    std::string database_kind;  ///< private or external
    std::string database_url;   ///< without password
    std::string vault_key;      ///< file or config
    std::string reload_error;   ///< empty: the last reload was good
};

/// Outlives the routes. Use from the executor's thread only.
struct Parts {
    boost::asio::any_io_executor executor;
    boost::asio::thread_pool& threads;
    postgres::Pool& pool;
    const store::Vault& vault;
    collect::Dispatcher& dispatcher;
    net::HttpClient& http;
    collect::Budgets& budgets;
    collect::TokenClient& token_client;
    collect::TokenKeeper& tokens;
    const service::DatabaseWatch& database;
    const collect::Metrics& metrics;
    const DaemonFacts& facts;
};

/// So often work is done that another session gets in the way of (a lock that is held for long, a deadlock).
constexpr int kAttempts = 3;

/// Runs `work(postgres::Session&)` on a database thread; again when somebody was in the way, so it must be one
/// transaction.
template <class Work>
auto with_session(const Parts& parts, Work work) {
    auto call = [&pool = parts.pool, run = std::move(work)] {
        for (int attempt = 1;; ++attempt) {
            const auto session = pool.acquire();
            try {
                return run(*session);
            } catch (const postgres::SqlError& error) {
                if (!error.is_conflict() || attempt == kAttempts) throw;
            }
        }
    };
    return net::run_blocking(parts.threads, std::move(call));
}

/// The schedules of the rules for the registry.
store::SlotPlan slot_plan(std::shared_ptr<const collect::Rules> rules);

/// Runs `work(store::Registry&)` on a database thread.
template <class Work>
auto with_registry(const Parts& parts, Work work) {
    auto call = [&vault = parts.vault, rules = parts.dispatcher.rules(),
                 run = std::move(work)](postgres::Session& session) {
        store::Registry registry{session, vault, slot_plan(rules)};
        return run(registry);
    };
    return with_session(parts, std::move(call));
}

/// Runs `work(store::Views&)` on a database thread.
template <class Work>
auto with_views(const Parts& parts, Work work) {
    auto call = [run = std::move(work)](postgres::Session& session) {
        store::Views views{session};
        return run(views);
    };
    return with_session(parts, std::move(call));
}

/// @throws Error (usage) whose hint lists the platforms there are
void check_platform(const Parts& parts, const std::string& platform);

}  // namespace tally::api
