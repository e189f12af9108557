// SPDX-License-Identifier: Apache-2.0
// Metrics over prometheus-cpp.
#include "daemon/collect/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <map>

#include "daemon/schedule/lateness.hpp"

namespace tally::collect {

namespace {

using Bounds = prometheus::Histogram::BucketBoundaries;

template <class Rep, class Period>
double seconds(std::chrono::duration<Rep, Period> time) {
    return std::chrono::duration<double>{time}.count();
}

}  // namespace

struct Metrics::Registry {
    prometheus::Registry all;
    prometheus::Family<prometheus::Histogram>& lateness =
        prometheus::BuildHistogram()
            .Name("tally_slot_lateness_seconds")
            .Help("How long after it fell due a slot was begun, by tier.")
            .Register(all);
    prometheus::Family<prometheus::Counter>& runs = prometheus::BuildCounter()
                                                        .Name("tally_runs_total")
                                                        .Help("Collections of one connection that ended, by how.")
                                                        .Register(all);
    prometheus::Family<prometheus::Counter>& written = prometheus::BuildCounter()
                                                           .Name("tally_rows_written_total")
                                                           .Help("Numbers that were stored, new ones and changed ones.")
                                                           .Register(all);
    prometheus::Family<prometheus::Counter>& changed =
        prometheus::BuildCounter()
            .Name("tally_rows_changed_total")
            .Help("Numbers that were stored before and that the platform has changed.")
            .Register(all);
    prometheus::Family<prometheus::Counter>& requests =
        prometheus::BuildCounter()
            .Name("tally_requests_total")
            .Help("Requests to platforms, by what their answers meant; ok is good, all else is an error.")
            .Register(all);
    prometheus::Family<prometheus::Histogram>& durations =
        prometheus::BuildHistogram()
            .Name("tally_request_duration_seconds")
            .Help("From the beginning of a request to the end of its answer, by platform.")
            .Register(all);
    prometheus::Family<prometheus::Histogram>& database =
        prometheus::BuildHistogram()
            .Name("tally_database_duration_seconds")
            .Help("How long the database took to hand out work (claim) and to store a batch of runs (store).")
            .Register(all);

    /// Requests are many: their counters are found without building labels.
    struct Requests {
        prometheus::Histogram* duration;
        std::map<std::string, prometheus::Counter*, std::less<>> by_outcome;
    };
    std::map<std::string, Requests> by_platform;
};

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {}
Metrics::~Metrics() = default;

void Metrics::slot_served(const std::string& tier, std::chrono::milliseconds late) {
    static const Bounds bounds(schedule::kLatenessBounds.begin(), schedule::kLatenessBounds.end());
    registry_->lateness.Add({{"tier", tier}}, bounds).Observe(seconds(std::max(late, std::chrono::milliseconds{0})));
}

void Metrics::run_ended(const std::string& platform, const std::string& state, std::int64_t rows_written,
                        std::int64_t rows_changed) {
    registry_->runs.Add({{"platform", platform}, {"state", state}}).Increment();
    registry_->written.Add({{"platform", platform}}).Increment(static_cast<double>(rows_written));
    registry_->changed.Add({{"platform", platform}}).Increment(static_cast<double>(rows_changed));
}

void Metrics::request_ended(const std::string& platform, std::string_view outcome, std::chrono::microseconds elapsed) {
    static const Bounds bounds{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
    auto known = registry_->by_platform.find(platform);
    if (known == registry_->by_platform.end())
        known = registry_->by_platform
                    .emplace(platform,
                             Registry::Requests{.duration = &registry_->durations.Add({{"platform", platform}}, bounds),
                                                .by_outcome = {}})
                    .first;
    auto& requests = known->second;
    requests.duration->Observe(seconds(elapsed));
    auto counter = requests.by_outcome.find(outcome);
    if (counter == requests.by_outcome.end()) {
        auto& made = registry_->requests.Add({{"platform", platform}, {"outcome", std::string{outcome}}});
        counter = requests.by_outcome.emplace(outcome, &made).first;
    }
    counter->second->Increment();
}

void Metrics::database_answered(const std::string& task, std::chrono::steady_clock::duration elapsed) {
    static const Bounds bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};
    registry_->database.Add({{"task", task}}, bounds).Observe(seconds(elapsed));
}

std::vector<prometheus::MetricFamily> Metrics::collect() const {
    return registry_->all.Collect();
}

}  // namespace tally::collect
