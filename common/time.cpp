// SPDX-License-Identifier: Apache-2.0
// Text forms of days, instants and durations.
#include "common/time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <ctime>
#include <limits>

namespace tally {

using namespace std::chrono;

namespace {

constexpr std::int64_t kSystemClock = std::numeric_limits<std::int64_t>::min();
std::atomic<std::int64_t> followed{kSystemClock};  // microseconds from CLOCK_BOOTTIME to the clock that is followed

microseconds boot_time() {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return seconds{time.tv_sec} + duration_cast<microseconds>(nanoseconds{time.tv_nsec});
}

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

// By hand: numbers carry several of these texts each, and a formatting library takes ten times as long for them.
void append_number(std::string& text, unsigned number, std::size_t digits) {
    const auto begin = text.size();
    text.resize(begin + digits);
    for (auto at = begin + digits; at-- > begin; number /= 10) text[at] = static_cast<char>('0' + number % 10);
}

void append_day(std::string& text, Day day) {
    const year_month_day date{day};
    const auto year = static_cast<int>(date.year());
    if (year < 0 || year > 9999) {
        text += fmt::format("{:04}", year);
    } else {
        append_number(text, static_cast<unsigned>(year), 4);
    }
    text += '-';
    append_number(text, static_cast<unsigned>(date.month()), 2);
    text += '-';
    append_number(text, static_cast<unsigned>(date.day()), 2);
}

struct Unit {
    std::string_view name;
    milliseconds length;
};
constexpr std::array kUnits{Unit{"ms", milliseconds{1}}, Unit{"s", seconds{1}}, Unit{"m", minutes{1}},
                            Unit{"h", hours{1}},         Unit{"d", days{1}},    Unit{"w", weeks{1}}};

}  // namespace

Instant now() {
    const auto base = followed.load();
    return base == kSystemClock ? time_point_cast<microseconds>(system_clock::now())
                                : Instant{microseconds{base} + boot_time()};
}

bool follow_clock(Instant theirs, Instant asked_at, milliseconds tolerance) {
    const auto answered_at = now();
    const auto off = theirs < asked_at      ? theirs - asked_at
                     : theirs > answered_at ? theirs - answered_at
                                            : Instant::duration{0};
    const bool follows = followed.load() != kSystemClock;
    const bool moves = std::chrono::abs(off) >= tolerance;
    if (moves || !follows)
        followed = (answered_at + (moves ? off : Instant::duration{0}) - boot_time()).time_since_epoch().count();
    return moves;
}

milliseconds clock_shift() {
    return floor<milliseconds>(now() - system_clock::now());
}

std::optional<Day> parse_day(std::string_view text) {
    const auto result = take_day(text);
    return text.empty() ? result : std::nullopt;
}

std::string render_day(Day day) {
    std::string text;
    append_day(text, day);
    return text;
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
    std::string text;
    text.reserve(sizeof "2026-11-21T12:34:56.123456Z");
    append_day(text, Day{midnight.time_since_epoch()});
    text += 'T';
    append_number(text, static_cast<unsigned>(time.hours().count()), 2);
    text += ':';
    append_number(text, static_cast<unsigned>(time.minutes().count()), 2);
    text += ':';
    append_number(text, static_cast<unsigned>(time.seconds().count()), 2);
    if (const auto micros = (instant - whole).count(); micros != 0) {
        text += '.';
        append_number(text, static_cast<unsigned>(micros), 6);
    }
    text += 'Z';
    return text;
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
