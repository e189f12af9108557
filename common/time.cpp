// SPDX-License-Identifier: Apache-2.0
// Text forms of days, instants and durations.
#include "common/time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace tally {

using namespace std::chrono;

namespace {

/// Takes exactly `digits` digits from the front.
bool take_number(std::string_view& text, std::size_t digits, int& out) {
    if (text.size() < digits) return false;
    out = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9') return false;
        out = out * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return true;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<Day> take_day(std::string_view& text) {
    int y = 0, m = 0, d = 0;
    if (!take_number(text, 4, y) || !take(text, '-') || !take_number(text, 2, m) || !take(text, '-') ||
        !take_number(text, 2, d))
        return std::nullopt;
    const year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
    if (y == 0 || !date.ok()) return std::nullopt;
    return Day{date};
}

/// Seconds east of UTC from "Z", "+hh:mm" or "+hhmm", which must be the rest of the text.
std::optional<seconds> take_offset(std::string_view text) {
    if (text == "Z" || text == "z") return seconds{0};
    const bool negative = !text.empty() && text.front() == '-';
    if (!take(text, '+') && !take(text, '-')) return std::nullopt;
    int h = 0, m = 0;
    if (!take_number(text, 2, h)) return std::nullopt;
    take(text, ':');
    if (!take_number(text, 2, m) || !text.empty() || h > 23 || m > 59) return std::nullopt;
    const seconds offset = hours{h} + minutes{m};
    return negative ? -offset : offset;
}

struct Unit {
    std::string_view name;
    milliseconds length;
};
constexpr std::array kUnits{Unit{"ms", milliseconds{1}}, Unit{"s", seconds{1}}, Unit{"m", minutes{1}},
                            Unit{"h", hours{1}},         Unit{"d", days{1}},    Unit{"w", weeks{1}}};

}  // namespace

Instant now() {
    return time_point_cast<microseconds>(system_clock::now());
}

std::optional<Day> parse_day(std::string_view text) {
    const auto result = take_day(text);
    return text.empty() ? result : std::nullopt;
}

std::string render_day(Day day) {
    const year_month_day date{day};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()));
}

std::optional<Instant> parse_instant(std::string_view text) {
    const auto day = take_day(text);
    if (!day || !(take(text, 'T') || take(text, 't') || take(text, ' '))) return std::nullopt;
    int h = 0, m = 0, s = 0;
    if (!take_number(text, 2, h) || !take(text, ':') || !take_number(text, 2, m)) return std::nullopt;
    if (take(text, ':') && !take_number(text, 2, s)) return std::nullopt;
    if (h > 23 || m > 59 || s > 60) return std::nullopt;
    microseconds fraction{0};
    if (take(text, '.')) {
        int digits = 0;
        microseconds unit{100'000};
        for (int digit = 0; take_number(text, 1, digit); ++digits, unit /= 10) fraction += digit * unit;
        if (digits == 0) return std::nullopt;
    }
    const auto offset = take_offset(text);
    if (!offset) return std::nullopt;
    return Instant{day->time_since_epoch()} + hours{h} + minutes{m} + seconds{s} + fraction - *offset;
}

std::string render_instant(Instant instant) {
    const auto whole = floor<seconds>(instant);
    const auto midnight = floor<days>(whole);
    const hh_mm_ss time{whole - midnight};
    const auto micros = (instant - whole).count();
    return fmt::format("{}T{:02}:{:02}:{:02}{}Z", render_day(Day{midnight.time_since_epoch()}), time.hours().count(),
                       time.minutes().count(), time.seconds().count(),
                       micros == 0 ? std::string{} : fmt::format(".{:06}", micros));
}

std::optional<milliseconds> parse_duration(std::string_view text) {
    constexpr auto kMax = std::numeric_limits<milliseconds::rep>::max() / 4;
    milliseconds total{0};
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        milliseconds::rep number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || number < 0) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        const auto unit_length = std::min(text.find_first_of("0123456789"), text.size());
        const auto name = text.substr(0, unit_length);
        const auto* unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == name; });
        if (unit == kUnits.end() || number > kMax / unit->length.count()) return std::nullopt;
        total += number * unit->length;
        if (total.count() > kMax) return std::nullopt;
        text.remove_prefix(unit_length);
    }
    return total;
}

std::string render_duration(milliseconds duration) {
    if (duration.count() == 0) return "0s";
    std::string text;
    for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit) {
        if (unit->name == "w" && duration % unit->length != milliseconds{0})
            continue;  // "30d" reads better than "4w2d"
        if (const auto count = duration / unit->length; count > 0) {
            text += fmt::format("{}{}", count, unit->name);
            duration %= unit->length;
        }
    }
    return text;
}

}  // namespace tally
