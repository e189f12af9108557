// SPDX-License-Identifier: Apache-2.0
// One run: a lease with all it needs becomes a result that the store can write.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <random>
#include <string>

#include "daemon/collect/budgets.hpp"
#include "daemon/collect/collector.hpp"
#include "daemon/collect/credential.hpp"
#include "daemon/collect/health_book.hpp"
#include "daemon/collect/metrics.hpp"
#include "daemon/collect/rules.hpp"
#include "daemon/collect/token_keeper.hpp"
#include "daemon/lease/lease.hpp"
#include "daemon/lease/trust.hpp"
#include "daemon/net/http_client.hpp"
#include "daemon/store/registry.hpp"
#include "daemon/store/run_result.hpp"
#include "daemon/store/vault.hpp"

namespace tally::collect {

/// What a lease came to.
struct RunOutcome {
    store::RunResult result;
    std::optional<Instant> deferred_until;  ///< nothing was asked: the lease goes back until then
    bool lease_lost = false;       ///< another node may serve the connection by now: nothing of it may be stored
    bool answered = false;         ///< the platform answered something that was asked
    bool platform_failed = false;  ///< it gave nothing but errors that pass by themselves
};

/// Use from the executor's thread only.
class Runner {
public:
    struct Parts {
        net::HttpClient& http;
        Budgets& budgets;
        HealthBook& health;
        TokenKeeper& tokens;
        const lease::Trust& trust;
        Metrics& metrics;
    };
    Runner(Parts parts, const store::Vault& vault, std::string node, std::uint64_t seed)
        : parts_(parts), vault_(vault), node_(std::move(node)), random_(seed) {}

    /// Throws only on cancellation: whatever else goes wrong is a failed run.
    boost::asio::awaitable<RunOutcome> run(std::shared_ptr<const Rules> rules, lease::Assignment assignment);

private:
    struct Care;
    struct Work;
    store::RunResult begin(const Rules& rules, const lease::Assignment& assignment) const;
    static void note_end_of_token(const Rules& rules, const Provider& provider, const HeldCredential& held,
                                  const Care& care, store::RunResult& result);
    static Work choose(const lease::Assignment& assignment, const store::RunResult& result);
    HeldCredential hold(const lease::Assignment& assignment) const;
    bool prepare(Job& job, const Work& work, std::optional<Day> oldest, lease::Assignment& assignment) const;
    boost::asio::awaitable<void> care(const Provider& provider, HeldCredential& held, Care& care);
    boost::asio::awaitable<std::optional<std::set<std::string>>> granted_scopes(const Provider& provider,
                                                                                HeldCredential& held);
    void keep_what_was_learned(const lease::Assignment& assignment, const platform::Platform& platform,
                               HeldCredential& held, const Collected& collected, store::RunResult& result) const;
    void decide(const Rules& rules, const lease::Assignment& assignment, unsigned attempt, Collected collected,
                store::RunResult& result);
    static void keep_plan(const lease::Lease& lease, store::RunResult& result);

    Parts parts_;
    const store::Vault& vault_;
    std::string node_;
    std::mt19937_64 random_;
};

/// The job of a connection under the rules. @throws Error (config) when the platform is unknown or switched off
Job make_job(const Rules& rules, const std::string& tier, const std::string& platform, const std::string& account_id,
             const std::map<std::string, std::string>& attributes, const Credential& credential);

}  // namespace tally::collect
