// SPDX-License-Identifier: Apache-2.0
// Days, zones and the ways the platforms write a moment.
#include "calendar.hpp"

#include <fmt/format.h>

#include <cctype>
#include <stdexcept>

namespace sim {
namespace {

/// Reads exactly `count` digits at the front of `text` and removes them.
std::optional<int> take_number(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, char expected) {
    if (text.empty() || text.front() != expected) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<Day> take_day(std::string_view& text) {
    const auto year = take_number(text, 4);
    if (!year || !take(text, '-')) return std::nullopt;
    const auto month = take_number(text, 2);
    if (!month || !take(text, '-')) return std::nullopt;
    const auto day = take_number(text, 2);
    if (!day) return std::nullopt;
    const date::year_month_day ymd{date::year{*year}, date::month{static_cast<unsigned>(*month)},
                                   date::day{static_cast<unsigned>(*day)}};
    if (!ymd.ok()) return std::nullopt;
    return Day{ymd};
}

std::optional<std::chrono::seconds> take_clock(std::string_view& text) {
    const auto hour = take_number(text, 2);
    if (!hour || !take(text, ':')) return std::nullopt;
    const auto minute = take_number(text, 2);
    if (!minute || !take(text, ':')) return std::nullopt;
    const auto second = take_number(text, 2);
    if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    if (take(text, '.')) {
        if (text.empty() || std::isdigit(static_cast<unsigned char>(text.front())) == 0) return std::nullopt;
        while (!text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
    }
    return std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second};
}

std::optional<std::chrono::seconds> take_offset(std::string_view& text) {
    if (take(text, 'Z')) return std::chrono::seconds{0};
    const bool minus = !text.empty() && text.front() == '-';
    if (!take(text, '+') && !take(text, '-')) return std::nullopt;
    const auto hour = take_number(text, 2);
    take(text, ':');
    const auto minute = take_number(text, 2);
    if (!hour || !minute || *hour > 14 || *minute > 59) return std::nullopt;
    const std::chrono::seconds offset = std::chrono::hours{*hour} + std::chrono::minutes{*minute};
    return minus ? -offset : offset;
}

std::string render_clock(date::local_seconds at, std::string_view tail) {
    const auto day = date::floor<date::days>(at);
    const date::year_month_day ymd{day};
    const date::hh_mm_ss<std::chrono::seconds> clock{at - day};
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}", static_cast<int>(ymd.year()),
                       static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count(), tail);
}

}  // namespace

Zone pacific() {
    static const Zone zone = date::locate_zone("America/Los_Angeles");
    return zone;
}

Zone find_zone(std::string_view name) {
    try {
        return date::locate_zone(std::string{name});
    } catch (const std::runtime_error&) {  // the library has no other way to say "unknown"
        return nullptr;
    }
}

Instant midnight(Zone zone, Day day) {
    return zone->to_sys(date::local_seconds{day}, date::choose::earliest);
}

Day day_of(Zone zone, Instant at) {
    return date::floor<date::days>(zone->to_local(at));
}

std::optional<Day> parse_day(std::string_view text) {
    const auto day = take_day(text);
    return text.empty() ? day : std::nullopt;
}

std::string render_day(Day day) {
    const date::year_month_day ymd{day};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                       static_cast<unsigned>(ymd.day()));
}

std::optional<Instant> parse_time(std::string_view text, Zone local) {
    const auto day = take_day(text);
    if (!day) return std::nullopt;
    date::local_seconds at{*day};
    if (!text.empty()) {
        if (!take(text, 'T')) return std::nullopt;
        const auto clock = take_clock(text);
        if (!clock) return std::nullopt;
        at += *clock;
    }
    if (text.empty()) return local->to_sys(at, date::choose::earliest);
    const auto offset = take_offset(text);
    if (!offset || !text.empty()) return std::nullopt;
    return Instant{at.time_since_epoch() - *offset};
}

std::string render_local_time(Zone zone, Instant at, bool colon) {
    const auto info = zone->get_info(at);
    const auto minutes = date::floor<std::chrono::minutes>(info.offset).count();
    const auto size = minutes < 0 ? -minutes : minutes;
    const auto tail =
        fmt::format(".000{}{:02}{}{:02}", minutes < 0 ? '-' : '+', size / 60, colon ? ":" : "", size % 60);
    return render_clock(date::local_seconds{at.time_since_epoch() + info.offset}, tail);
}

std::string render_graph_time(Instant at) {
    return render_clock(date::local_seconds{at.time_since_epoch()}, "+0000");
}

std::string render_utc_time(Instant at, bool millis) {
    return render_clock(date::local_seconds{at.time_since_epoch()}, millis ? ".000Z" : "Z");
}

}  // namespace sim
