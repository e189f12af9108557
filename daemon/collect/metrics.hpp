// SPDX-License-Identifier: Apache-2.0
// What this node has done since its start, for Prometheus.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace tally::collect {

/// Labels are bounded: tiers and platforms of the configuration, states of runs. Use from one thread.
class Metrics {
public:
    Metrics();
    ~Metrics();

    /// A slot of the tier was begun so late, for the first time.
    void slot_served(const std::string& tier, std::chrono::milliseconds late);
    /// @param state succeeded, partial or failed
    void run_ended(const std::string& platform, const std::string& state);
    std::string text() const;  ///< the text exposition format, version 0.0.4

private:
    struct Registry;
    std::unique_ptr<Registry> registry_;
};

}  // namespace tally::collect
