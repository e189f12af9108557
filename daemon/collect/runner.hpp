// SPDX-License-Identifier: Apache-2.0
// One run: a lease with all it needs becomes a result that the store can write.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <random>
#include <string>

#include "daemon/collect/collector.hpp"
#include "daemon/collect/credential.hpp"
#include "daemon/collect/rate_limiter.hpp"
#include "daemon/collect/rules.hpp"
#include "daemon/lease/lease.hpp"
#include "daemon/net/http_client.hpp"
#include "daemon/store/run_result.hpp"
#include "daemon/store/vault.hpp"

namespace tally::collect {

/// Use from the executor's thread only.
class Runner {
public:
    Runner(net::HttpClient& http, RateLimiter& limiter, const store::Vault& vault, std::string node, std::uint64_t seed)
        : http_(http), limiter_(limiter), vault_(vault), node_(std::move(node)), random_(seed) {}

    /// Throws only on cancellation: whatever else goes wrong is a failed run.
    boost::asio::awaitable<store::RunResult> run(std::shared_ptr<const Rules> rules, lease::Assignment assignment);

private:
    net::HttpClient& http_;
    RateLimiter& limiter_;
    const store::Vault& vault_;
    std::string node_;
    std::mt19937_64 random_;
};

/// The job of a connection under the rules. @throws Error (config) when the platform is unknown or switched off
Job make_job(const Rules& rules, const std::string& tier, const std::string& platform, const std::string& account_id,
             const std::map<std::string, std::string>& attributes, const Credential& credential);

}  // namespace tally::collect
