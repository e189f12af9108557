// SPDX-License-Identifier: Apache-2.0
// Rows, rate and an estimate.
#include "cli/export_progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/json_text.hpp"
#include "common/counted.hpp"

namespace tally::cli {

std::string render_export_progress(std::int64_t rows, std::chrono::duration<double> elapsed,
                                   std::optional<double> share) {
    constexpr double kMost = 0.99;
    const auto seconds = std::max(elapsed.count(), 0.001);
    auto text = fmt::format("{}, {}/s", counted(rows, "row", "rows"),
                            with_separators(std::llround(static_cast<double>(rows) / seconds)));
    if (!share || *share <= 0) return text;
    text += fmt::format(", about {} %", static_cast<int>(std::min(*share, kMost) * 100));
    // Beyond it the estimate is used up: no time that is left can be told.
    if (*share < kMost)
        text += fmt::format(", {} left", render_span(std::chrono::seconds{std::llround(seconds / *share - seconds)}));
    return text;
}

}  // namespace tally::cli
