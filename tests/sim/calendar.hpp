// SPDX-License-Identifier: Apache-2.0
// Days, zones and the ways the platforms write a moment.
#pragma once

#include <date/date.h>
#include <date/tz.h>

#include <optional>
#include <string>
#include <string_view>

namespace sim {

using Instant = date::sys_seconds;
using Day = date::local_days;         ///< a calendar day in the zone that belongs to it
using Zone = const date::time_zone*;  ///< owned by the time zone database, never null

/// The zone of the day of Instagram, Facebook and YouTube.
Zone pacific();

/// Null if the database does not know the name.
Zone find_zone(std::string_view name);

/// First instant of the day; a day may last 23 or 25 hours.
Instant midnight(Zone zone, Day day);
Day day_of(Zone zone, Instant at);

/// `2026-11-01`, nothing else.
std::optional<Day> parse_day(std::string_view text);
std::string render_day(Day day);

/// `2026-11-01`, `2026-11-01T00:00:00[.000]` (both read in `local`), or with `Z`, `+01:00`, `+0100`.
std::optional<Instant> parse_time(std::string_view text, Zone local);

/// `2026-11-01T00:00:00.000-07:00`, or `-0700` without the colon.
std::string render_local_time(Zone zone, Instant at, bool colon);
/// `2026-11-01T07:00:00+0000`
std::string render_graph_time(Instant at);
/// `2026-11-01T07:00:00Z`, with `.000` when asked for.
std::string render_utc_time(Instant at, bool millis);

}  // namespace sim
