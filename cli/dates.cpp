// SPDX-License-Identifier: Apache-2.0
// Reads --from and --to.
#include "cli/dates.hpp"

#include <fmt/format.h>

#include <charconv>

#include "common/error.hpp"

namespace tally::cli {

namespace {

std::optional<Day> read_date(const Arguments& arguments, std::string_view option, Day today) {
    const auto text = arguments.find(option);
    if (!text) return std::nullopt;
    const auto day = parse_date(*text, today);
    if (!day)
        throw Error{Fault::usage, fmt::format("--{}: not a date: '{}'", option, *text),
                    "Write 2026-11-21, today or -30d."};
    return day;
}

}  // namespace

std::optional<Day> parse_date(std::string_view text, Day today) {
    if (text == "today") return today;
    if (text.size() > 2 && text.front() == '-' && text.back() == 'd') {
        unsigned days = 0;
        const auto* end = text.data() + text.size() - 1;
        const auto [stop, error] = std::from_chars(text.data() + 1, end, days);
        if (error != std::errc{} || stop != end || days > 36'500) return std::nullopt;
        return today - std::chrono::days{days};
    }
    return parse_day(text);
}

DateOptions read_dates(const Arguments& arguments, Day today) {
    DateOptions dates{.from = read_date(arguments, "from", today), .to = read_date(arguments, "to", today)};
    if (const auto last = arguments.find("last")) {
        if (dates.from || dates.to) throw Error{Fault::usage, "--last does not go with --from and --to"};
        dates.from = parse_date("-" + *last, today);
        if (!dates.from)
            throw Error{Fault::usage, fmt::format("--last: not a number of days: '{}'", *last), "Write 30d."};
    }
    if (dates.from && dates.to && *dates.from > *dates.to)
        throw Error{Fault::usage,
                    fmt::format("--from {} is after --to {}", render_day(*dates.from), render_day(*dates.to))};
    return dates;
}

std::optional<Instant> read_time(const Arguments& arguments, std::string_view option, Day today) {
    const auto text = arguments.find(option);
    if (!text) return std::nullopt;
    if (const auto time = parse_instant(*text)) return time;
    if (const auto day = parse_date(*text, today)) return Instant{day->time_since_epoch()};
    throw Error{Fault::usage, fmt::format("--{}: not a time: '{}'", option, *text),
                "Write 2026-11-21T02:00:00Z, 2026-11-21, today or -30d."};
}

}  // namespace tally::cli
