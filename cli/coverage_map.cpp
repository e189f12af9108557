// SPDX-License-Identifier: Apache-2.0
// Lays days out in columns, the newest at the right.
#include "cli/coverage_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "cli/glob.hpp"
#include "cli/text_table.hpp"
#include "common/time_zone.hpp"

namespace tally::cli {

namespace {

using std::chrono::days;

constexpr days kDay{1};
constexpr std::size_t kLongestLabel = 44;

struct Sign {
    std::string_view state, words;
    std::string_view letter, block;
    Tone tone;
};
constexpr std::array<Sign, 7> kSigns{{{"final", "final", "F", "█", Tone::good},
                                      {"provisional", "provisional", "P", "▓", Tone::warning},
                                      {"pending", "pending", "W", "░", Tone::warning},
                                      {"empty", "empty", "E", "▁", Tone::faint},
                                      {"refused", "refused", "R", "×", Tone::bad},
                                      {"never_asked", "never asked", "N", "□", Tone::bad},
                                      {"impossible", "impossible", ".", "·", Tone::faint}}};
/// A state of a newer daemon.
constexpr Sign kUnknown{"", "unknown", "?", "?", Tone::plain};

const Sign& sign_of(std::string_view state) noexcept {
    const auto* found =
        std::find_if(kSigns.begin(), kSigns.end(), [&](const Sign& sign) { return sign.state == state; });
    return found == kSigns.end() ? kUnknown : *found;
}

/// One line of the map.
struct Line {
    std::string label;
    const Json* spans;
};

std::string name_of(const std::string& metric, const std::string& request) {
    return metric == request ? metric : fmt::format("{} of {}", metric, request);
}

std::vector<Line> lines_of(const Json& connection, bool every_metric) {
    std::vector<Line> lines;
    for (const auto& entry : member(connection, "requests")) {
        const auto request = text_of(entry, "request");
        const auto& metrics = member(entry, "metrics");
        const auto& spans = member(entry, "days");
        if (metrics.size() > 1 && !every_metric) {
            lines.push_back({printable(fmt::format("{} metrics of {}", metrics.size(), request)), &spans});
            continue;
        }
        for (const auto& metric : metrics) {
            if (metric.is_string()) lines.push_back({printable(name_of(metric.get<std::string>(), request)), &spans});
        }
    }
    return lines;
}

std::string fit(const std::string& label, std::size_t width) {
    if (label.size() <= width) return label + std::string(width - label.size(), ' ');
    return label.substr(0, width - 1) + "~";
}

/// Months above, days below: labels begin in the column of their day and never touch.
std::string ruler(DayRange shown, std::size_t indent) {
    const auto columns = static_cast<std::size_t>((shown.last - shown.first + kDay).count());
    std::string months(columns, ' '), numbers(columns, ' ');
    const auto put = [columns](std::string& line, std::size_t column, const std::string& text, std::size_t room) {
        if (column + text.size() > columns || text.size() >= room) return false;
        line.replace(column, text.size(), text);
        return true;
    };
    for (std::size_t column = 0; column < columns; ++column) {
        const auto day = shown.first + days{static_cast<int>(column)};
        const std::chrono::year_month_day date{day};
        const auto left = std::chrono::local_days{date.year() / date.month() / std::chrono::last} - day + kDay;
        const auto number = static_cast<unsigned>(date.day());
        const bool month_begins = number == 1;
        if (column == 0 || month_begins) {
            const auto room = static_cast<std::size_t>(left.count());
            if (!put(months, column, render_day(day).substr(0, 7), room))
                put(months, column, render_day(day).substr(5, 2), room);
        }
        const bool is_week = number == 1 || number == 8 || number == 15 || number == 22;
        if (is_week) put(numbers, column, fmt::format("{:02}", number), columns + 1);
        const auto next_label = number < 22 ? 7 - static_cast<int>((number - 1) % 7) : left.count();
        if (column == 0 && !is_week && next_label > 2) put(numbers, column, fmt::format("{:02}", number), columns + 1);
    }
    const auto line = [indent](std::string text) {
        text.erase(text.find_last_not_of(' ') + 1);
        return text.empty() ? text : std::string(indent, ' ') + text + "\n";
    };
    return line(std::move(months)) + line(std::move(numbers));
}

/// One line a metric and reason, however many requests it is refused in.
std::vector<std::string> refusals_of(const Json& connection) {
    std::vector<std::pair<std::string, std::string>> reasons;  // what it is, in the order of the list
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> requests;
    for (const auto& refused : member(connection, "refused")) {
        const auto reason =
            fmt::format("since {}{}: {}", text_of(refused, "since").substr(0, 10),
                        flag_of(refused, "everywhere") ? " to everyone" : "", text_of(refused, "message"));
        const std::pair key{text_of(refused, "metric"), reason};
        if (!requests.contains(key) || key.first.empty()) reasons.push_back(key);
        requests[key].push_back(text_of(refused, "request"));
    }
    std::vector<std::string> lines;
    std::map<std::string, std::size_t> whole;  // requests of one reason, each a line of its own
    for (const auto& key : reasons) {
        const auto& [metric, reason] = key;
        const auto& in = requests[key];
        auto what = in.size() == 1 ? name_of(metric, in.front()) : fmt::format("{} of {} requests", metric, in.size());
        if (metric.empty()) what = "all of " + in[whole[reason]++];
        lines.push_back(printable(fmt::format("refused: {} {}", what, reason)));
    }
    return lines;
}

/// Cut between characters. @param width 0: not at all
std::string cut(const std::string& text, std::size_t width) {
    if (width == 0 || display_width(text) <= width) return text;
    std::size_t end = 0;
    for (std::size_t shown = 0; end < text.size(); ++end) {
        const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80U;
        if (begins && ++shown == width) break;
    }
    return text.substr(0, end) + "~";
}

Day today_in(const Json& entry, Instant now) {
    return TimeZone::find(text_of(entry, "zone")).value_or(TimeZone::utc()).day_of(now);
}

/// Calls `visit(state, days)` for the stretches of a request, cut before the running day.
template <class Visit>
void each_past_span(const Json& entry, Instant now, Visit visit) {
    const auto yesterday = today_in(entry, now) - kDay;
    for (const auto& span : member(entry, "days")) {
        const auto first = parse_day(text_of(span, "first")), last = parse_day(text_of(span, "last"));
        if (!first || !last || *first > yesterday) continue;
        visit(text_of(span, "state"), DayRange{*first, std::min(*last, yesterday)});
    }
}

}  // namespace

std::string CoverageMap::render(const Json& connection) {
    const auto state = text_of(connection, "state");
    auto title = printable(fmt::format("{} {} {}", text_of(connection, "user_id"), text_of(connection, "platform"),
                                       text_of(connection, "account_id")));
    std::string text = style_.palette.paint(Tone::strong, title);
    if (state != "active") text += " (" + printable(state) + ")";
    text += "\n";
    const auto lines = lines_of(connection, style_.every_metric);
    if (lines.empty()) return text + "nothing is collected: the platform has no file, or no request fits the account\n";

    std::size_t label_width = 0;
    for (const auto& line : lines) label_width = std::max(label_width, line.label.size());
    auto shown = days_;
    if (style_.width > 0) {
        label_width = std::min({label_width, kLongestLabel, std::max<std::size_t>(style_.width / 2, 12)});
        const auto room = style_.width > label_width + 3 ? style_.width - label_width - 1 : 2;
        shown.first = std::max(shown.first, shown.last - days{static_cast<int>(room)} + kDay);
    }
    first_shown_ = std::max(first_shown_, shown.first);
    text += ruler(shown, label_width + 1);
    for (const auto& line : lines) text += fit(line.label, label_width) + " " + cells(*line.spans, shown) + "\n";
    for (const auto& line : refusals_of(connection)) text += cut(line, style_.width) + "\n";
    return text;
}

std::string CoverageMap::cells(const Json& spans, DayRange shown) {
    std::vector<const Sign*> signs(static_cast<std::size_t>((shown.last - shown.first + kDay).count()), &kUnknown);
    for (const auto& span : spans) {
        const auto first = parse_day(text_of(span, "first")), last = parse_day(text_of(span, "last"));
        if (!first || !last) continue;
        const auto& sign = sign_of(text_of(span, "state"));
        for (auto day = std::max(*first, shown.first); day <= std::min(*last, shown.last); day += kDay)
            signs[static_cast<std::size_t>((day - shown.first).count())] = &sign;
    }
    std::string text;
    for (auto begin = signs.begin(); begin != signs.end();) {
        const auto end = std::find_if(begin, signs.end(), [&](const Sign* sign) { return sign != *begin; });
        std::string stretch;
        for (auto i = begin; i != end; ++i) stretch += style_.blocks ? (*begin)->block : (*begin)->letter;
        text += style_.palette.paint((*begin)->tone, stretch);
        seen_.emplace((*begin)->state);
        begin = end;
    }
    return text;
}

std::string CoverageMap::legend() const {
    std::string text;
    const auto add = [&](const Sign& sign) {
        if (!seen_.contains(sign.state)) return;
        if (!text.empty()) text += "  ";
        text += style_.palette.paint(sign.tone, style_.blocks ? sign.block : sign.letter);
        text += fmt::format(" {}", sign.words);
    };
    for (const auto& sign : kSigns) add(sign);
    add(kUnknown);
    return text + "\n";
}

DayCounts count_days(const Json& connection, Instant now) {
    DayCounts counts;
    for (const auto& entry : member(connection, "requests")) {
        each_past_span(entry, now, [&](const std::string& state, DayRange range) {
            const auto number = (range.last - range.first + kDay).count();
            if (state == "impossible") return;
            if (state == "refused") {
                counts.refused += number;
                return;
            }
            counts.wanted += number;
            if (state == "final" || state == "empty") counts.settled += number;
            if (state != "never_asked") return;
            counts.gaps += number;
            counts.oldest_gap = std::min(counts.oldest_gap.value_or(range.first), range.first);
        });
    }
    return counts;
}

std::optional<DayRange> open_gaps(const Json& connection, Instant now) {
    std::optional<DayRange> gaps;
    for (const auto& entry : member(connection, "requests")) {
        if (text_of(entry, "window") == "now") continue;
        each_past_span(entry, now, [&](const std::string& state, DayRange range) {
            if (state != "never_asked") return;
            if (!gaps) gaps = range;
            gaps->first = std::min(gaps->first, range.first);
            gaps->last = std::max(gaps->last, range.last);
        });
    }
    return gaps;
}

bool keep_metrics(Json& connection, std::string_view glob) {
    const auto unwanted = [&](const Json& metric) {
        return !metric.is_string() || !glob_matches(glob, metric.get_ref<const std::string&>());
    };
    Json requests = Json::array(), refused = Json::array();
    for (auto entry : member(connection, "requests")) {
        Json metrics = Json::array();
        for (const auto& metric : member(entry, "metrics")) {
            if (!unwanted(metric)) metrics.push_back(metric);
        }
        if (metrics.empty()) continue;
        entry["metrics"] = std::move(metrics);
        requests.push_back(std::move(entry));
    }
    for (const auto& item : member(connection, "refused")) {
        if (member(item, "metric").is_null() || !unwanted(item["metric"])) refused.push_back(item);
    }
    const bool found = !requests.empty();
    connection["requests"] = std::move(requests);
    connection["refused"] = std::move(refused);
    return found;
}

std::string percent_text(std::int64_t part, std::int64_t whole) {
    return whole > 0 ? fmt::format("{} %", part * 100 / whole) : "";
}

}  // namespace tally::cli
