// SPDX-License-Identifier: Apache-2.0
// How far a triggered group of runs has come, as text and as an exit code.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/json_text.hpp"

namespace tally::cli {

/// A run group as the API tells it.
struct RunGroup {
    std::int64_t total = 0, succeeded = 0, partial = 0, failed = 0;
    std::int64_t rows_written = 0, rows_changed = 0;
    std::int64_t requests_made = 0;
    std::optional<std::int64_t> requests_left = {};           ///< nullopt: nothing is planned yet
    std::optional<std::chrono::seconds> estimated_left = {};  ///< nullopt: no pace is known yet
    Json failures = Json::array();                            ///< at most 100

    std::int64_t done() const noexcept { return succeeded + partial + failed; }
    bool finished() const noexcept { return done() >= total; }
};
RunGroup read_run_group(const Json& data);

/// 0 all well, 3 some connections failed or came in part, 1 all failed.
int exit_code_of(const RunGroup& group) noexcept;

/// ", requests 120 of about 460, about 4m 0s left"; empty while nothing is planned or nothing is left.
std::string render_requests(const RunGroup& group);

/// "[######------] 60/120, 2 failed, 340 rows/s, 12s left"; without the bar when `width` is 0. The time left comes from
/// the requests where the daemon knows them.
std::string render_progress(const RunGroup& group, std::chrono::milliseconds elapsed, unsigned width);

/// The closing words: what was collected in how long, and the first failures by name.
std::string render_summary(const RunGroup& group, std::chrono::milliseconds elapsed);

}  // namespace tally::cli
