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
    boost::asio::thread_pool& threads;
    postgres::Pool& pool;
    const store::Vault& vault;
    collect::Dispatcher& dispatcher;
    net::HttpClient& http;
    collect::Budgets& budgets;
    collect::TokenClient& token_client;
    collect::TokenKeeper& tokens;
    const DaemonFacts& facts;
};

/// Runs `work(postgres::Session&)` on a database thread.
template <class Work>
auto with_session(const Parts& parts, Work work) {
    auto call = [&pool = parts.pool, run = std::move(work)] {
        const auto session = pool.acquire();
        return run(*session);
    };
    return net::run_blocking(parts.threads, std::move(call));
}

/// Runs `work(store::Registry&)` on a database thread.
template <class Work>
auto with_registry(const Parts& parts, Work work) {
    auto call = [&vault = parts.vault, rules = parts.dispatcher.rules(), run = std::move(work)](auto& session) {
        store::Registry registry{session, vault, [&](const std::string& tier, std::int64_t connection) {
                                     return schedule::next_slot(rules->schedule_of(tier),
                                                                rules->phase_of(tier, connection), std::nullopt, now());
                                 }};
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
