// SPDX-License-Identifier: Apache-2.0
// What is known of each day, as a heat map and as counts.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "cli/console.hpp"
#include "cli/json_text.hpp"
#include "common/time.hpp"

namespace tally::cli {

/// How a map is drawn.
struct MapStyle {
    Palette palette = {};
    bool blocks = false;        ///< Unicode blocks, else ASCII letters
    std::size_t width = 0;      ///< columns there are; older days that do not fit are left out. 0: no limit
    bool every_metric = false;  ///< a line each; else metrics of a request of which the same is known share one
};

/// Draws connections of GET /api/internal/coverage; pure.
class CoverageMap {
public:
    CoverageMap(DayRange days, const MapStyle& style) : days_(days), style_(style) {}

    /// Title, ruler, a line a metric or group of metrics, and what is refused. Ends with a newline.
    std::string render(const Json& connection);
    /// What the signs of the maps so far mean; one line.
    std::string legend() const;
    /// The first day that was drawn, later than asked for when the width did not suffice.
    Day first_shown() const noexcept { return first_shown_; }

private:
    std::string cells(const Json& spans, DayRange shown);

    DayRange days_;
    MapStyle style_;
    std::set<std::string, std::less<>> seen_;  ///< states
    Day first_shown_ = days_.first;
};

/// Days of requests that are over, by what is known of them.
struct DayCounts {
    std::int64_t wanted = 0;   ///< that the platform could tell of: not impossible, not refused
    std::int64_t settled = 0;  ///< final or empty: no more to come
    std::int64_t refused = 0;
    std::int64_t gaps = 0;  ///< never asked
    std::optional<Day> oldest_gap;
};
DayCounts count_days(const Json& connection, Instant now);

/// The first and last day that were never asked and can be asked still (numbers of the moment cannot); nullopt without.
std::optional<DayRange> open_gaps(const Json& connection, Instant now);

/// Takes out what does not match. False when nothing is left.
bool keep_metrics(Json& connection, std::string_view glob);

/// "97 %", rounded down so that 100 means all; empty when nothing is wanted.
std::string percent_text(std::int64_t part, std::int64_t whole);

}  // namespace tally::cli
