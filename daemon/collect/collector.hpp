// SPDX-License-Identifier: Apache-2.0
// One collection of one connection: plan, fetch, extract. Knows neither database nor schedule.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/time.hpp"
#include "daemon/collect/rate_limiter.hpp"
#include "daemon/net/http_client.hpp"
#include "daemon/platform/classify.hpp"
#include "daemon/platform/coverage.hpp"
#include "daemon/platform/platform.hpp"
#include "daemon/platform/sample.hpp"
#include "daemon/platform/target.hpp"

namespace tally::collect {

struct Job {
    std::shared_ptr<const platform::Platform> platform;
    platform::Target target;
    platform::Coverage coverage;     ///< what is known already
    std::chrono::days backfill{30};  ///< how far back gaps are filled
    std::optional<DayRange> forced;  ///< collect just these days, known or not
    bool refresh_lookups = false;    ///< ask the look-ups again even where their results are known
    std::chrono::milliseconds request_timeout{30'000};
};

/// A request that did not give what was asked of it.
struct Failure {
    std::string request;  ///< name in the platform file
    platform::Outcome outcome;
    std::string code;     ///< such as "190/463" or "http 503"
    std::string message;  ///< the platform's words, without secrets
};

struct Collected {
    std::vector<platform::Sample> samples;
    std::map<std::string, platform::DayMap> coverage;  ///< the complete new map of each request that was asked
    std::vector<Failure> failures;
    unsigned requests = 0;              ///< HTTP requests sent
    unsigned tasks_done = 0;            ///< planned requests that gave an answer (which may be empty)
    std::chrono::milliseconds wait{0};  ///< the platform's own word: not again before this
    bool stopped = false;  ///< the rest of the plan was given up (token dead, account gone, platform down, throttled)
    std::map<std::string, std::string> learned_attributes;  ///< from look-ups
    std::map<std::string, Secret> learned_tokens;           ///< from look-ups
    std::optional<std::string> served_version;  ///< when the platform answered as another version than configured

    /// The gravest outcome, `ok` when nothing failed.
    platform::Outcome worst() const;
};

/// Runs the whole job, one request after the other. Failures are values in the result; it throws only on cancellation.
/// @param limiter paces requests as the platform file says; must outlive the call
boost::asio::awaitable<Collected> collect(net::HttpClient& http, RateLimiter& limiter, Job job);

/// Asks the platform the cheapest thing that proves that the token works: the look-ups, else the first `now` request.
boost::asio::awaitable<Collected> check(net::HttpClient& http, RateLimiter& limiter, Job job);

}  // namespace tally::collect
