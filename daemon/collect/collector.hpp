// SPDX-License-Identifier: Apache-2.0
// One collection of one connection: plan, fetch, extract. Knows neither database nor schedule.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/time.hpp"
#include "daemon/collect/budgets.hpp"
#include "daemon/net/http_client.hpp"
#include "daemon/platform/classify.hpp"
#include "daemon/platform/coverage.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/platform/platform.hpp"
#include "daemon/platform/request.hpp"
#include "daemon/platform/sample.hpp"
#include "daemon/platform/target.hpp"

namespace tally::collect {

/// What became of an attempt to get a new access token.
struct Renewal {
    std::optional<Secret> access_token;  ///< the new one
    platform::Verdict verdict;           ///< else: why there is none
};

struct Job {
    std::shared_ptr<const platform::Platform> platform;
    platform::Target target;
    platform::Coverage coverage;                ///< what is known already
    std::chrono::days backfill{30};             ///< how far back gaps are filled
    std::optional<DayRange> forced;             ///< collect just these days, known or not
    std::optional<Instant> forced_since = {};   ///< of these days, what was asked since then is done
    platform::MetricSets refused = {};          ///< quarantined: left out
    platform::MetricSets probe = {};            ///< quarantined, and to be tried again
    bool refresh_lookups = false;               ///< ask the look-ups again even where their results are known
    platform::Part part = platform::Part::all;  ///< of the ordinary plan
    bool spare = false;                         ///< work that may wait: leaves some of the budgets to regular slots
    std::size_t max_tasks = 250;                ///< planned requests of one run
    std::chrono::milliseconds request_timeout{30'000};

    /// Gets a new access token when the platform refuses the one in hand; asked at most once a run. May be empty.
    std::function<boost::asio::awaitable<Renewal>()> renew = {};
    /// The scopes that the token really has, nullopt when that cannot be told. May be empty.
    std::function<boost::asio::awaitable<std::optional<std::set<std::string>>>()> granted_scopes = {};
    /// Whether the lease is still to be believed; asked before each request. May be empty.
    std::function<bool()> leased = {};
    /// Sees the plan before it is carried out. May be empty.
    std::function<void(const platform::Plan&)> planned = {};
    /// Sees every request and its answer (`platform run`). May be empty.
    std::function<void(const platform::HttpRequest&, const net::Response&, const platform::Verdict&)> observe = {};
};

/// Code of a failure: a scope lacks, and the platform answers nothing instead of an error.
inline constexpr const char* kMissingScope = "scope";

/// Code of a failure: the lease may be another node's by now, so nothing was asked.
inline constexpr const char* kLeaseLost = "lease";

/// A request that did not give what was asked of it.
struct Failure {
    std::string request;  ///< name in the platform file
    platform::Outcome outcome;
    std::string code;     ///< such as "190/463" or "http 503"
    std::string message;  ///< the platform's words, without secrets
};

/// A metric (empty: the whole request) that this account does not get.
struct Refusal {
    std::string request, metric, code, message;
    bool expected = false;  ///< the file says that not every account has it
};

struct Collected {
    std::vector<platform::Sample> samples;
    std::map<std::string, platform::DayMap> coverage;  ///< the complete new map of each request that was asked
    std::vector<Failure> failures;
    std::vector<Refusal> refusals;
    std::vector<std::pair<std::string, std::string>>
        answered_again;                                      ///< request and metric of probes that were answered
    std::set<std::pair<std::string, std::string>> answered;  ///< request and metric that gave a number
    unsigned requests = 0;                                   ///< HTTP requests sent
    std::size_t tasks_left = 0;                              ///< planned requests that wait for the next run
    unsigned tasks_done = 0;            ///< planned requests that gave an answer (which may be empty)
    std::chrono::milliseconds wait{0};  ///< the platform's own word: not again before this
    /// Only what a limit has for backfills is used up: nothing failed, and what is left goes on then.
    std::optional<Instant> put_off_until = {};
    bool lease_lost = false;  ///< nothing more was asked, and nothing of this may be stored
    bool stopped = false;  ///< the rest of the plan was given up (token dead, account gone, platform down, throttled)
    std::map<std::string, std::string> learned_attributes;  ///< from look-ups
    std::map<std::string, Secret> learned_tokens;           ///< from look-ups
    std::optional<std::string> served_version;  ///< when the platform answered as another version than configured

    /// The gravest outcome, `ok` when nothing failed.
    platform::Outcome worst() const;
    bool waits() const;  ///< told to wait, or put off
};

/// Runs the whole job, one request after the other. Failures are values in the result; it throws only on cancellation.
/// @param budgets keeps the platform's limits; must outlive the call
boost::asio::awaitable<Collected> collect(net::HttpClient& http, Budgets& budgets, Job job);

/// Asks the platform the cheapest thing that proves that the token works: the look-ups, else the first `now` request.
boost::asio::awaitable<Collected> check(net::HttpClient& http, Budgets& budgets, Job job);

/// Proves, after a login, that the token reads the account, with one day of everything that no account may lack.
boost::asio::awaitable<Collected> try_account(net::HttpClient& http, Budgets& budgets, Job job);

/// Asks for every metric of every request once, each alone, on the newest day that should be there: which work. The
/// answers come to `seen` in file order; `days` of a metric that was answered tell whether it was empty.
struct MetricCheck {
    std::string request, metric;
    platform::Verdict verdict;
    std::size_t numbers = 0;  ///< rows that the answer gave
};
boost::asio::awaitable<std::vector<MetricCheck>> check_metrics(net::HttpClient& http, Budgets& budgets, Job job);

}  // namespace tally::collect
