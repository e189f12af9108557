// SPDX-License-Identifier: Apache-2.0
// Parses cron lines into bit sets and finds the next minute that matches.
#include "common/config/cron.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <span>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace tally::config {

using namespace std::chrono;

namespace {

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr days kCalendarCycle{146'097};  // the Gregorian calendar repeats after 400 years, weekdays included

struct Field {
    std::string_view name;
    unsigned min, max;
    std::span<const std::string_view> words;  // words[i] stands for min + i
};
constexpr unsigned kSunday = 7;  // as the end of a range; folded to 0 afterwards
constexpr std::array kFields{Field{"minute", 0, 59, {}}, Field{"hour", 0, 23, {}}, Field{"day of month", 1, 31, {}},
                             Field{"month", 1, 12, kMonths}, Field{"day of week", 0, kSunday, kWeekdays}};

[[noreturn]] void fail(std::string_view field, const std::string& message, std::string hint = {}) {
    throw Error(Fault::config, fmt::format("{}: {}", field, message), std::move(hint));
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators, bool skip_empty) {
    std::vector<std::string_view> parts;
    for (std::size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find_first_of(separators, start), text.size());
        if (end > start || !skip_empty) parts.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

bool same_word(std::string_view text, std::string_view lower) {
    return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
}

/// "L", "15W", "friL", "5#2", "?": what other schedulers know and we do not.
bool is_extension(const Field& field, std::string_view text) {
    if (text.find_first_of("#?") != std::string_view::npos) return true;
    if (text.empty() || std::string_view{"LlWw"}.find(text.back()) == std::string_view::npos) return false;
    const auto before = text.substr(0, text.size() - 1);
    return before.find_first_not_of("0123456789Ll") == std::string_view::npos ||
           std::any_of(field.words.begin(), field.words.end(),
                       [before](std::string_view word) { return same_word(before, word); });
}

unsigned parse_number(const Field& field, std::string_view text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) return number;
    if (is_extension(field, text))
        fail(field.name, fmt::format("'{}': L, W, # and ? are not supported", text),
             "Name days by numbers, names, ranges and steps, such as 1-7 or mon-fri.");
    fail(field.name, fmt::format("cannot read '{}'", text));
}

unsigned parse_value(const Field& field, std::string_view text) {
    for (std::size_t i = 0; i < field.words.size(); ++i)
        if (same_word(text, field.words[i])) return field.min + static_cast<unsigned>(i);
    const auto value = parse_number(field, text);
    if (value < field.min || value > field.max)
        fail(field.name, fmt::format("{} is outside {} to {}", value, field.min, field.max));
    return value;
}

/// "*", "5", "mon-fri", "*/15", "10-40/5"
std::uint64_t parse_item(const Field& field, std::string_view item) {
    const auto slash = item.find('/');
    const auto range = item.substr(0, slash);
    const auto dash = range.find('-');
    unsigned first = field.min, last = field.max, step = 1;
    if (range != "*") {
        first = last = parse_value(field, range.substr(0, dash));
        if (dash != std::string_view::npos) last = parse_value(field, range.substr(dash + 1));
        if (field.max == kSunday && last == 0 && first > 0) last = kSunday;  // "fri-sun"
        if (last < first) fail(field.name, fmt::format("range '{}' runs backwards", range));
    } else if (field.max == kSunday) {
        last = kSunday - 1;  // otherwise a step could meet Sunday twice
    }
    if (slash != std::string_view::npos) {
        if (range != "*" && dash == std::string_view::npos)
            fail(field.name, fmt::format("a step needs a range before it: '{}'", item),
                 fmt::format("Write {}-{}/{}.", range, field.max, item.substr(slash + 1)));
        step = parse_number(field, item.substr(slash + 1));
        if (step == 0 || step > field.max) fail(field.name, fmt::format("step {} is outside 1 to {}", step, field.max));
    }
    std::uint64_t bits = 0;
    for (unsigned value = first; value <= last; value += step) bits |= std::uint64_t{1} << value;
    return bits;
}

std::uint64_t parse_field(const Field& field, std::string_view text) {
    std::uint64_t bits = 0;
    for (const auto item : split(text, ",", false)) bits |= parse_item(field, item);
    return bits;
}

bool has(std::uint64_t bits, unsigned value) {
    return (bits >> value & 1U) != 0;
}

/// The lowest value in the set that is not below `from`.
std::optional<unsigned> first_of(std::uint64_t bits, unsigned from) {
    const auto rest = from < 64 ? bits >> from << from : 0;
    return rest != 0 ? std::optional{static_cast<unsigned>(std::countr_zero(rest))} : std::nullopt;
}

}  // namespace

Cron Cron::parse(std::string_view text) {
    const auto parts = split(text, " \t", true);
    if (!parts.empty() && parts.front().front() == '@')
        throw Error(Fault::config, fmt::format("'{}' is not supported", text),
                    "Write the five fields: 0 0 * * * for @daily, 0 * * * * for @hourly.");
    if (parts.size() != kFields.size())
        throw Error(
            Fault::config, fmt::format("a cron line has 5 fields, not {}: '{}'", parts.size(), text),
            "Write minute, hour, day of month, month and day of week, such as 0 2 * * *, without seconds or year.");
    std::array<std::uint64_t, kFields.size()> bits{};
    for (std::size_t i = 0; i < parts.size(); ++i) bits[i] = parse_field(kFields[i], parts[i]);

    Cron cron;
    cron.minutes_ = bits[0];
    cron.hours_ = bits[1];
    cron.days_ = bits[2];
    cron.months_ = bits[3];
    cron.weekdays_ = (bits[4] | bits[4] >> kSunday) & 0x7FU;
    cron.every_hour_ = parts[1].front() == '*';
    cron.either_day_ = parts[2].front() != '*' && parts[4].front() != '*';
    if (!cron.first_day(Day{}))
        fail(kFields[2].name, fmt::format("no date ever matches '{}'", text), "Check that the month has such a day.");
    return cron;
}

bool Cron::matches(const year_month_day& date) const {
    const bool day_of_month = has(days_, static_cast<unsigned>(date.day()));
    const bool day_of_week = has(weekdays_, weekday{Day{date}}.c_encoding());
    return has(months_, static_cast<unsigned>(date.month())) &&
           (either_day_ ? day_of_month || day_of_week : day_of_month && day_of_week);
}

std::optional<Day> Cron::first_day(Day from) const {
    for (Day day = from; day < from + kCalendarCycle;) {
        const year_month_day date{day};
        if (matches(date)) return day;
        const bool month_matches = has(months_, static_cast<unsigned>(date.month()));
        day = month_matches ? day + days{1} : Day{date.year() / date.month() / 1 + months{1}};
    }
    return std::nullopt;
}

LocalMinute Cron::next_after(LocalMinute time) const {
    const auto start = time + minutes{1};
    const auto today = floor<days>(start);
    if (matches(year_month_day{today})) {
        const hh_mm_ss clock{start - today};
        const auto hour = static_cast<unsigned>(clock.hours().count());
        if (has(hours_, hour))
            if (const auto minute = first_of(minutes_, static_cast<unsigned>(clock.minutes().count())))
                return today + hours{hour} + minutes{*minute};
        if (const auto later = first_of(hours_, hour + 1))
            return today + hours{*later} + minutes{std::countr_zero(minutes_)};
    }
    const auto day = first_day(today + days{1}).value();
    return day + hours{std::countr_zero(hours_)} + minutes{std::countr_zero(minutes_)};
}

}  // namespace tally::config
