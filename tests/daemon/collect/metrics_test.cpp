// SPDX-License-Identifier: Apache-2.0
// What Prometheus reads.
#include "daemon/collect/metrics.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

TEST_CASE("lateness is a histogram by tier, runs are counted by platform and state") {
    tally::collect::Metrics metrics;
    metrics.slot_served("premium", 500ms);
    metrics.slot_served("premium", 40s);
    metrics.slot_served("free", -3s);  // a clock that was set back
    metrics.run_ended("instagram", "succeeded");
    metrics.run_ended("instagram", "succeeded");
    const auto text = metrics.text();
    for (const auto* line :
         {"# TYPE tally_slot_lateness_seconds histogram",
          "tally_slot_lateness_seconds_bucket{tier=\"premium\",le=\"1\"} 1",
          "tally_slot_lateness_seconds_bucket{tier=\"premium\",le=\"60\"} 2",
          "tally_slot_lateness_seconds_count{tier=\"premium\"} 2", "tally_slot_lateness_seconds_sum{tier=\"free\"} 0",
          "# HELP tally_runs_total Collections of one connection that ended, by how.",
          "tally_runs_total{platform=\"instagram\",state=\"succeeded\"} 2"}) {
        CAPTURE(std::string{line});
        CAPTURE(text);
        CHECK(text.find(line) != std::string::npos);
    }
}
