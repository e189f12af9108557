// SPDX-License-Identifier: Apache-2.0
// TimeZone over Howard Hinnant's date library and the system's zone data.
#include "common/time_zone.hpp"

#include <date/tz.h>

#include <stdexcept>

namespace tally {

using namespace std::chrono;

namespace {

const date::time_zone& zone_data(const void* zone) {
    return *static_cast<const date::time_zone*>(zone);
}

date::local_seconds to_library(local_seconds time) {
    return date::local_seconds{time.time_since_epoch()};
}

}  // namespace

std::optional<TimeZone> TimeZone::find(std::string_view name) {
    try {
        return TimeZone{date::locate_zone(std::string{name})};
    } catch (const std::runtime_error&) {
        return std::nullopt;
    }
}

TimeZone TimeZone::utc() {
    static const TimeZone zone = find("Etc/UTC").value();
    return zone;
}

const std::string& TimeZone::name() const noexcept {
    return zone_data(zone_).name();
}

seconds TimeZone::offset(Instant instant) const {
    return zone_data(zone_).get_info(floor<seconds>(instant)).offset;
}

local_seconds TimeZone::wall_time(Instant instant) const {
    return local_seconds{(floor<seconds>(instant) + offset(instant)).time_since_epoch()};
}

Day TimeZone::day_of(Instant instant) const {
    return floor<days>(wall_time(instant));
}

Instant TimeZone::start_of(Day day) const {
    return resolve(local_seconds{day}).first;
}

WallTime TimeZone::resolve(local_seconds time) const {
    const auto info = zone_data(zone_).get_info(to_library(time));
    const auto minus = [&](seconds off) { return Instant{time.time_since_epoch() - off}; };
    switch (info.result) {
        case date::local_info::ambiguous:
            return {WallTime::Kind::doubled, minus(info.first.offset), minus(info.second.offset)};
        case date::local_info::nonexistent: {
            const Instant change{info.first.end.time_since_epoch()};
            return {WallTime::Kind::skipped, change, change};
        }
        default:
            return {WallTime::Kind::unique, minus(info.first.offset), minus(info.first.offset)};
    }
}

std::optional<ClockChange> TimeZone::next_change(Instant after) const {
    // The last entry of a zone ends at the end of time, which has no place in an Instant.
    constexpr date::sys_seconds kEndOfData{sys_seconds{sys_days{3000y / 1 / 1}}.time_since_epoch()};
    for (auto info = zone_data(zone_).get_info(floor<seconds>(after)); info.end < kEndOfData;) {
        auto next = zone_data(zone_).get_info(info.end);
        if (next.offset != info.offset) return ClockChange{Instant{info.end}, info.offset, next.offset};
        info = std::move(next);  // another name or rule, the same clock
    }
    return std::nullopt;
}

}  // namespace tally
