// SPDX-License-Identifier: Apache-2.0
// Instants, civil days and durations, with their text forms.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tally {

/// A moment on the shared time line; the resolution of PostgreSQL's timestamptz.
using Instant = std::chrono::sys_time<std::chrono::microseconds>;

/// A civil date. It becomes an instant only through a TimeZone, so the two cannot be mixed up.
using Day = std::chrono::local_days;

/// Days from `first` to `last`, both included; never empty.
struct DayRange {
    Day first;  ///< inclusive
    Day last;   ///< inclusive
    friend bool operator==(const DayRange&, const DayRange&) = default;
};

/// The time that this program goes by: the system clock, until follow_clock() gives it another one. Decisions take
/// `now` as a parameter and never call this. Any thread.
Instant now();
/// tallyd goes by the clock of its database, which all nodes share, and between two looks at it by one that nobody sets
/// and that goes on while the machine sleeps: a machine whose clock is wrong, or is set, neither dates numbers wrongly
/// nor finds slots due that are not. What the way there and back may account for is no difference, nor is less than
/// `tolerance`.
/// @param asked_at now() before the other clock was read  @return whether now() has changed
bool follow_clock(Instant theirs, Instant asked_at, std::chrono::milliseconds tolerance);
/// How far now() is ahead of the system clock.
std::chrono::milliseconds clock_shift();

std::optional<Day> parse_day(std::string_view text);  ///< "2026-11-21", strictly; years 1 to 9999
std::string render_day(Day day);

/// RFC 3339 with any offset and any number of decimals ("2026-11-21T02:00:00Z", "…+01:00", also "+0100").
std::optional<Instant> parse_instant(std::string_view text);
std::string render_instant(Instant instant);  ///< "2026-11-21T02:00:00Z", with 6 decimals only when they are not zero

/// "90s", "15m", "4h", "30d", "2w", "250ms", and sums such as "1h30m". Not negative.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string render_duration(std::chrono::milliseconds duration);  ///< the shortest exact form, such as "1h30m"

}  // namespace tally
