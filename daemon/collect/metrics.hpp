// SPDX-License-Identifier: Apache-2.0
// What this node has done since its start, for Prometheus.
#pragma once

#include <prometheus/metric_family.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tally::collect {

/// Labels are bounded: tiers and platforms of the configuration, states of runs, outcomes of requests. Use from one
/// thread.
class Metrics {
public:
    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    /// A slot of the tier was begun so late, for the first time.
    void slot_served(const std::string& tier, std::chrono::milliseconds late);
    /// @param state succeeded, partial or failed
    void run_ended(const std::string& platform, const std::string& state, std::int64_t rows_written,
                   std::int64_t rows_changed);
    /// One request of a run, answered or not. @param outcome as the platform file judges it
    void request_ended(const std::string& platform, std::string_view outcome, std::chrono::microseconds elapsed);
    /// One round trip of the database. @param task claim or store
    void database_answered(const std::string& task, std::chrono::steady_clock::duration elapsed);

    std::vector<prometheus::MetricFamily> collect() const;

private:
    struct Registry;
    std::unique_ptr<Registry> registry_;
};

}  // namespace tally::collect
