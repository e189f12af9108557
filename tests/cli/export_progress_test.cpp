// SPDX-License-Identifier: Apache-2.0
// What is said while an export runs.
#include "cli/export_progress.hpp"

#include <doctest/doctest.h>

using namespace tally::cli;
using std::chrono::seconds;

TEST_CASE("progress: rows, rate, and about what is left") {
    CHECK(render_export_progress(0, seconds{0}, std::nullopt) == "0 rows, 0/s");
    CHECK(render_export_progress(1, seconds{1}, 0.0) == "1 row, 1/s");
    CHECK(render_export_progress(1'234'000, seconds{4}, std::nullopt) == "1,234,000 rows, 308,500/s");
    CHECK(render_export_progress(1'000'000, seconds{4}, 0.5) == "1,000,000 rows, 250,000/s, about 50 %, 4s left");
    CHECK(render_export_progress(1'000'000, seconds{10}, 0.1) == "1,000,000 rows, 100,000/s, about 10 %, 1m 30s left");
}

TEST_CASE("progress: an estimate that was too low never says that all is there") {
    for (const double share : {0.99, 0.999, 1.0, 7.5})
        CHECK(render_export_progress(2'000'000, seconds{4}, share) == "2,000,000 rows, 500,000/s, about 99 %");
}
