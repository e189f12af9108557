// SPDX-License-Identifier: Apache-2.0
// What is known about each day of one request of one connection.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/time.hpp"

namespace tally::platform {

/// Absence from the map means "not asked".
enum class DayState : std::uint8_t {
    final,        ///< numbers fetched after the day's end plus the platform's finality delay
    provisional,  ///< numbers that the platform may still change
    pending,      ///< asked, nothing published yet; may still come
    empty,        ///< asked after finality, and the platform has nothing for this day
    refused,      ///< the platform will not tell (permission, removed metric, outside its history)
};
std::string_view to_text(DayState state) noexcept;
std::optional<DayState> parse_day_state(std::string_view text) noexcept;

struct DayStatus {
    DayState state;
    Instant asked_at;  ///< when the answer behind this state was fetched
    friend bool operator==(const DayStatus&, const DayStatus&) = default;
};

/// Days of one request in order.
using DayMap = std::map<Day, DayStatus>;

/// By request name.
using Coverage = std::map<std::string, DayMap, std::less<>>;

/// A stretch of neighbouring days with the same state, as the table `coverage` keeps them. `asked_at` does not matter
/// any more once a day is final or empty, so those stretches join (the latest time is kept), unless somebody wants them
/// asked again.
struct CoverageSpan {
    DayRange days;
    DayStatus status;
    friend bool operator==(const CoverageSpan&, const CoverageSpan&) = default;
};
/// @param marks moments since when somebody wants days asked again: days asked before and after one stay apart
std::vector<CoverageSpan> to_spans(const DayMap& days, const std::vector<Instant>& marks = {});
DayMap from_spans(const std::vector<CoverageSpan>& spans);

}  // namespace tally::platform
