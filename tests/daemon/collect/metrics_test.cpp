// SPDX-License-Identifier: Apache-2.0
// What Prometheus reads.
#include "daemon/collect/metrics.hpp"

#include <doctest/doctest.h>
#include <prometheus/text_serializer.h>

using namespace std::chrono_literals;

TEST_CASE("what was done is counted, how long it took is a histogram") {
    tally::collect::Metrics metrics;
    metrics.slot_served("premium", 500ms);
    metrics.slot_served("premium", 40s);
    metrics.slot_served("free", -3s);  // a clock that was set back
    metrics.run_ended("instagram", "succeeded", 12, 3);
    metrics.run_ended("instagram", "succeeded", 10, 0);
    metrics.request_ended("instagram", "ok", 120ms);
    metrics.request_ended("instagram", "ok", 3s);
    metrics.request_ended("instagram", "wait", 10ms);
    metrics.database_answered("store", 7ms);
    const auto text = prometheus::TextSerializer{}.Serialize(metrics.collect());
    for (const auto* line :
         {"# TYPE tally_slot_lateness_seconds histogram",
          "tally_slot_lateness_seconds_bucket{tier=\"premium\",le=\"1\"} 1",
          "tally_slot_lateness_seconds_bucket{tier=\"premium\",le=\"60\"} 2",
          "tally_slot_lateness_seconds_count{tier=\"premium\"} 2", "tally_slot_lateness_seconds_sum{tier=\"free\"} 0",
          "# HELP tally_runs_total Collections of one connection that ended, by how.",
          "tally_runs_total{platform=\"instagram\",state=\"succeeded\"} 2",
          "tally_rows_written_total{platform=\"instagram\"} 22", "tally_rows_changed_total{platform=\"instagram\"} 3",
          "tally_requests_total{outcome=\"ok\",platform=\"instagram\"} 2",
          "tally_requests_total{outcome=\"wait\",platform=\"instagram\"} 1",
          "tally_request_duration_seconds_bucket{platform=\"instagram\",le=\"0.25\"} 2",
          "tally_database_duration_seconds_bucket{task=\"store\",le=\"0.01\"} 1"}) {
        CAPTURE(std::string{line});
        CAPTURE(text);
        CHECK(text.find(line) != std::string::npos);
    }
}
