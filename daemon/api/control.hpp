// SPDX-License-Identifier: Apache-2.0
// The routes: what tallyctl, host applications and health checks ask of a running daemon.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "common/postgres/pool.hpp"
#include "daemon/api/http.hpp"
#include "daemon/collect/collector.hpp"
#include "daemon/collect/dispatcher.hpp"
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

/// Use from the executor's thread only; must outlive the server that its routes are given to.
class Control {
public:
    struct Parts {
        boost::asio::thread_pool& threads;
        postgres::Pool& pool;
        const store::Vault& vault;
        collect::Dispatcher& dispatcher;
        net::HttpClient& http;
        collect::Budgets& budgets;
        const DaemonFacts& facts;
    };
    explicit Control(Parts parts) : parts_(parts) {}

    Router routes();

private:
    using Answer = boost::asio::awaitable<Response>;

    Answer health();
    Answer status();
    Answer trigger(const Request& request);
    Answer run_group(const Request& request);
    Answer list_users(const Request& request);
    Answer show_user(const Request& request);
    Answer put_user(const Request& request);
    Answer delete_user(const Request& request);
    Answer import_users(const Request& request);
    Answer list_connections(const Request& request);
    Answer show_connection(const Request& request);
    Answer put_connection(const Request& request);
    Answer delete_connection(const Request& request);
    Answer pause_connection(const Request& request);
    Answer resume_connection(const Request& request);
    Answer check_connection(const Request& request);
    Answer list_jobs(const Request& request);
    Answer show_job(const Request& request);

    Answer dry_run(store::TriggerScope scope);
    boost::asio::awaitable<nlohmann::json> one_connection(store::ConnectionName name);

    /// Runs `work(Registry&)` or `work(Views&)` on a database thread.
    template <class Work>
    auto with_registry(Work work);
    template <class Work>
    auto with_views(Work work);

    void check_tier(const std::string& tier) const;
    void check_platform(const std::string& platform) const;

    Parts parts_;
};

}  // namespace tally::api
