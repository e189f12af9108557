// SPDX-License-Identifier: Apache-2.0
// Metrics over prometheus-cpp.
#include "daemon/collect/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>

#include "daemon/schedule/lateness.hpp"

namespace tally::collect {

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
};

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {}
Metrics::~Metrics() = default;

void Metrics::slot_served(const std::string& tier, std::chrono::milliseconds late) {
    static const prometheus::Histogram::BucketBoundaries bounds(schedule::kLatenessBounds.begin(),
                                                                schedule::kLatenessBounds.end());
    const auto seconds = std::chrono::duration<double>(std::max(late, std::chrono::milliseconds{0})).count();
    registry_->lateness.Add({{"tier", tier}}, bounds).Observe(seconds);
}

void Metrics::run_ended(const std::string& platform, const std::string& state) {
    registry_->runs.Add({{"platform", platform}, {"state", state}}).Increment();
}

std::string Metrics::text() const {
    return prometheus::TextSerializer{}.Serialize(registry_->all.Collect());
}

}  // namespace tally::collect
