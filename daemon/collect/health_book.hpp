// SPDX-License-Identifier: Apache-2.0
// What a node knows of the platforms' health: metrics that are refused for everybody, which were answered lately, and
// which version really answers.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "common/postgres/pool.hpp"
#include "daemon/collect/collector.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/store/run_result.hpp"

namespace tally::collect {

/// Use from the executor's thread only.
class HealthBook {
public:
    HealthBook(boost::asio::any_io_executor executor, boost::asio::thread_pool& threads, postgres::Pool& pool)
        : executor_(std::move(executor)), threads_(threads), pool_(pool) {}

    /// Sets what the job leaves out and what it tries again: its connection's own part is there already.
    void prepare(Job& job);
    /// Learns from a run, and adds what the store must know to its result.
    void note(const platform::Platform& platform, const Collected& collected, store::RunResult& result);

    /// Reads the quarantine that all nodes share and takes due probes. @throws Error
    boost::asio::awaitable<void> load();
    /// Loads now and then, until cancelled.
    boost::asio::awaitable<void> share();

private:
    using Metric = std::tuple<std::string, std::string, std::string>;  // platform, request, metric

    boost::asio::any_io_executor executor_;
    boost::asio::thread_pool& threads_;
    postgres::Pool& pool_;
    std::map<std::string, platform::MetricSets> refused_, probes_;  // by platform
    std::map<Metric, Instant> answered_;
    std::map<std::string, std::string> served_version_;  // by platform; empty: as configured
};

}  // namespace tally::collect
