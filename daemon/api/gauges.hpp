// SPDX-License-Identifier: Apache-2.0
// The state of things as Prometheus reads it, beside what collect::Metrics counts.
#pragma once

#include <prometheus/metric_family.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/collect/dispatcher.hpp"
#include "daemon/collect/spending.hpp"

namespace tally::api {

struct GaugeFacts {
    std::string version;
    collect::Dispatcher::Activity activity;
    std::vector<std::string> platforms;                ///< of the platform files
    std::map<std::string, collect::Breaker> troubled;  ///< of them
    bool database_up = false;                          ///< whether what follows is of now
    std::chrono::duration<double> database_response{0};
    nlohmann::json seen;                      ///< store::Views::status()
    std::vector<collect::Spending> spending;  ///< of the platforms' apps
};

/// Labels are bounded: platforms, tiers, apps, limits and kinds of alerts. While the database is down what only it
/// knows is left out, rather than told as it was.
std::vector<prometheus::MetricFamily> gauges(const GaugeFacts& facts);

/// Of this process, under the names that every Prometheus client uses. Empty when the kernel does not say.
std::vector<prometheus::MetricFamily> process_gauges(Instant started_at);

}  // namespace tally::api
