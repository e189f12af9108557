// SPDX-License-Identifier: Apache-2.0
// IANA time zones: where civil days and wall-clock times become instants.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "common/time.hpp"

namespace tally {

/// What a wall-clock time means in a zone. Clock changes make some times exist twice and some not at all.
struct WallTime {
    enum class Kind { unique, doubled, skipped };
    Kind kind;
    Instant first;   ///< unique: the instant; doubled: the earlier one; skipped: the instant of the change
    Instant second;  ///< doubled: the later one; otherwise equal to `first`
};

/// The clocks of a zone go from one offset to another.
struct ClockChange {
    Instant at;
    std::chrono::seconds before, after;  ///< offsets east of UTC, which differ
};

/// A cheap handle (a pointer into the system's zone data, loaded once). Safe to use from any thread.
class TimeZone {
public:
    /// nullopt when the system does not know the name.
    static std::optional<TimeZone> find(std::string_view name);
    static TimeZone utc();

    const std::string& name() const noexcept;
    Day day_of(Instant instant) const;  ///< the civil date at that instant
    Instant start_of(Day day) const;    ///< the first instant of that date, whatever the clock shows then
    Instant end_of(Day day) const { return start_of(day + std::chrono::days{1}); }  ///< exclusive
    std::chrono::local_seconds wall_time(Instant instant) const;  ///< what a clock on the wall shows, whole seconds
    std::chrono::seconds offset(Instant instant) const;           ///< east of UTC
    WallTime resolve(std::chrono::local_seconds time) const;
    /// The first clock change strictly after `after`; nullopt when the zone data knows of none.
    std::optional<ClockChange> next_change(Instant after) const;

    friend bool operator==(const TimeZone&, const TimeZone&) = default;

private:
    explicit TimeZone(const void* zone) : zone_(zone) {}
    const void* zone_;  // date::time_zone; the library is named in time_zone.cpp only
};

}  // namespace tally
