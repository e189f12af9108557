// SPDX-License-Identifier: Apache-2.0
// The five fields of a cron line: which wall-clock minutes they name.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/time.hpp"

namespace tally::config {

/// A wall-clock time to the minute, in whatever zone the schedule names.
using LocalMinute = std::chrono::local_time<std::chrono::minutes>;

/// "minute hour day-of-month month day-of-week" with numbers, names (jan, mon), ranges, steps, lists and `*`; Sunday is
/// 0 and 7. When neither day field begins with `*`, a day that satisfies either of them counts; otherwise both must be
/// satisfied. Knows nothing of zones or clock changes (see schedule.hpp).
class Cron {
public:
    /// @throws Error (config) that names the field, also when no date ever matches (such as 30 February)
    static Cron parse(std::string_view text);

    /// The first matching minute strictly after `time`. It always exists.
    LocalMinute next_after(LocalMinute time) const;

    /// Whether the hour field begins with `*`: the line means an interval rather than a time of day.
    bool every_hour() const noexcept { return every_hour_; }

    friend bool operator==(const Cron&, const Cron&) = default;

private:
    Cron() = default;
    bool matches(const std::chrono::year_month_day& date) const;
    std::optional<Day> first_day(Day from) const;  // the first matching day not before `from`

    std::uint64_t minutes_ = 0, hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;  // bit n: the value n matches
    bool either_day_ = false, every_hour_ = false;
};

}  // namespace tally::config
