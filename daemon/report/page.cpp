// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <kainjow/mustache.hpp>
#include <limits>

#include "common/error.hpp"

namespace tally::report {

namespace {

using analysis::Figures;
using analysis::Series;
using kainjow::mustache::data;
using kainjow::mustache::mustache;
using std::chrono::days;

constexpr double kWidth = 280, kHeight = 84, kFloor = 70, kTop = 6;  // of the chart, in its own units
constexpr std::array<const char*, kDays> kWeekdays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

std::string value_of(const std::optional<double>& value, const Series& series) {
    return value ? analysis::render_value(*value, series.unit, series.currency) : std::string{};
}

std::string change_of(const Figures& figures, const Series& series) {
    if (!figures.change) return {};
    if (is_percentage(series)) return points_text(*figures.change);
    const auto amount = (*figures.change > 0 ? "+" : "") + value_of(figures.change, series);
    const auto percent = percent_text(figures);
    return percent.empty() ? amount : fmt::format("{} ({})", amount, percent);
}

const char* direction_of(const Figures& figures) {
    if (!figures.change || *figures.change == 0) return "";
    return *figures.change > 0 ? "up" : "down";
}

std::string point_text(const analysis::Point& point, const Series& series) {
    return fmt::format("{} {}{}", kWeekdays.at(std::chrono::weekday{point.day}.iso_encoding() - 1),
                       series.summary == analysis::Summary::latest && point.value > 0 ? "+" : "",
                       value_of(point.value, series));
}

std::string trend_text(const std::optional<analysis::Trend>& trend, const Series& series) {
    if (!trend || trend->direction == analysis::Direction::flat) return {};
    return fmt::format("{} by {} a week", trend->direction == analysis::Direction::rising ? "rising" : "falling",
                       value_of(std::abs(trend->per_week), series));
}

std::string gaps_text(const Figures& figures) {
    const auto missing = static_cast<std::int64_t>(kDays) - figures.days_known;
    std::string text;
    if (missing > 0) text = fmt::format("{} of {} days without a number", missing, kDays);
    if (figures.days_not_final > 0)
        text += fmt::format("{}{} not final", text.empty() ? "" : ", ", figures.days_not_final);
    return text;
}

/// Text that is empty is absent, so that a template can ask for it.
void set(data& object, const char* name, const std::string& text) {
    if (text.empty())
        object.set(name, data::type::bool_false);
    else
        object.set(name, text);
}

data text_item(const std::string& text) {
    data item;
    item.set("text", text);
    return item;
}

data list_of(const std::vector<std::string>& texts) {
    data list{data::type::list};
    for (const auto& text : texts) list.push_back(text_item(text));
    return list;
}

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        if (c == '&')
            safe += "&amp;";
        else if (c == '<')
            safe += "&lt;";
        else if (c == '>')
            safe += "&gt;";
        else if (c == '"')
            safe += "&quot;";
        else
            safe += c;
    }
    return safe;
}

/// HTML: a long name may break behind each "_" and ".".
std::string label_of(std::string_view metric) {
    std::string label;
    for (const char c : escaped(metric)) {
        label += c;
        if (c == '_' || c == '.') label += "<wbr>";
    }
    return label;
}

data card_of(const Line& line, DayRange week) {
    const auto& [series, figures, trend, anomalies, points] = line;
    data card;
    card.set("metric", series.metric);
    card.set("label", label_of(series.metric));
    card.set("summary", std::string{analysis::to_text(series.summary)});
    card.set("value", value_of(figures.value, series));
    set(card, "before", value_of(figures.before, series));
    set(card, "change", change_of(figures, series));
    set(card, "direction", direction_of(figures));
    card.set("chart", render_chart(line, week));
    set(card, "best", figures.best ? point_text(*figures.best, series) : "");
    set(card, "worst", figures.worst ? point_text(*figures.worst, series) : "");
    set(card, "trend", trend_text(trend, series));
    set(card, "gaps", gaps_text(figures));
    return card;
}

data breakdown_of(const Breakdown& breakdown) {
    data entry, parts{data::type::list};
    entry.set("metric", breakdown.metric);
    set(entry, "dimension", breakdown.dimension);
    for (const auto& [name, line] : breakdown.parts) {
        data part;
        part.set("name", name);
        part.set("value", value_of(line.figures.value, line.series));
        set(part, "before", value_of(line.figures.before, line.series));
        set(part, "change", change_of(line.figures, line.series));
        set(part, "direction", direction_of(line.figures));
        set(part, "gaps", gaps_text(line.figures));
        parts.push_back(part);
    }
    entry.set("parts", parts);
    return entry;
}

data row_of(const Line& line) {
    data row, cells{data::type::list};
    row.set("metric", line.series.metric);
    row.set("label", label_of(line.series.metric));
    for (const auto& point : line.days) {
        data cell;
        cell.set("number", point ? value_of(point->value, line.series) + (point->final ? "" : "*") : "–");
        cells.push_back(cell);
    }
    row.set("days", cells);
    return row;
}

data account_of(const Account& account, DayRange week) {
    data entry, cards{data::type::list}, breakdowns{data::type::list}, rows{data::type::list}, dates{data::type::list};
    entry.set("title", account.title);
    entry.set("account", account.account_id);
    entry.set("ads", account.source == "ads");
    for (const auto& line : account.lines) {
        cards.push_back(card_of(line, week));
        rows.push_back(row_of(line));
    }
    for (const auto& breakdown : account.breakdowns) breakdowns.push_back(breakdown_of(breakdown));
    for (auto day = week.first; day <= week.last; day += days{1}) {
        data date;
        date.set("date", fmt::format("{} {}", kWeekdays.at(std::chrono::weekday{day}.iso_encoding() - 1),
                                     render_day(day).substr(5)));
        dates.push_back(date);
    }
    entry.set("cards", cards);
    entry.set("breakdowns", breakdowns);
    entry.set("rows", rows);
    entry.set("dates", dates);
    entry.set("has_days", !account.lines.empty());
    entry.set("notes", list_of(account.notes));
    entry.set("has_notes", !account.notes.empty());
    return entry;
}

data data_of(const Report& report) {
    data root, accounts{data::type::list};
    root.set("user", report.user_id);
    root.set("from", render_day(report.week.first));
    root.set("to", render_day(report.week.last));
    root.set("built", render_instant(std::chrono::floor<std::chrono::seconds>(report.built_at)));
    root.set("highlights", list_of(report.highlights));
    root.set("has_highlights", !report.highlights.empty());
    for (const auto& account : report.accounts) accounts.push_back(account_of(account, report.week));
    root.set("accounts", accounts);
    return root;
}

mustache parse(const std::string& text, std::string_view name) {
    mustache parsed{text};
    if (!parsed.is_valid())
        throw Error(Fault::config, fmt::format("{}: {}", name, parsed.error_message()), "See tallyd(8), REPORTS.");
    return parsed;
}

std::string read_template(const std::vector<std::string>& directories, const std::string& name) {
    for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory) {
        const auto path = *directory + "/" + name;
        std::error_code error;
        if (!std::filesystem::exists(path, error) && !error) continue;
        // A template that nobody may read is not the same as none.
        std::ifstream file{path};
        if (!file || !std::filesystem::is_regular_file(path, error))
            throw Error(Fault::config, fmt::format("cannot read the template '{}'", path), "May tallyd read it?");
        std::string text{std::istreambuf_iterator<char>{file}, {}};
        parse(text, path);
        return text;
    }
    throw Error(Fault::config, fmt::format("there is no template '{}'", name),
                "It belongs into the directory templates beside the platform files.");
}

struct Scale {
    double least, most;
    double y(double value) const {
        if (most <= least) return (kTop + kFloor) / 2;
        return kFloor - (value - least) / (most - least) * (kFloor - kTop);
    }
};

std::string titled(const analysis::Point& point, const Series& series) {
    return fmt::format("<title>{}: {}{}</title>", render_day(point.day), escaped(value_of(point.value, series)),
                       point.final ? "" : ", not final");
}

}  // namespace

Templates load_templates(const std::vector<std::string>& directories) {
    return {.html = read_template(directories, "report.html"), .text = read_template(directories, "report.txt")};
}

std::string render_html(const Report& report, const Templates& templates) {
    auto page = parse(templates.html, "report.html");
    return page.render(data_of(report));
}

std::string render_text(const Report& report, const Templates& templates) {
    auto page = parse(templates.text, "report.txt");
    page.set_custom_escape([](const std::string& text) { return text; });
    return page.render(data_of(report));
}

std::string render_chart(const Line& line, DayRange week) {
    const auto& series = line.series;
    const bool counter = series.summary == analysis::Summary::latest;
    std::vector<std::optional<analysis::Point>> before(kDays);
    for (const auto& point : series.points)
        if (const auto ago = week.first - point.day; ago > days{0} && ago <= days{kDays})
            before[kDays - static_cast<std::size_t>(ago.count())] = point;
    Scale scale{counter ? std::numeric_limits<double>::max() : 0, counter ? std::numeric_limits<double>::lowest() : 0};
    const auto cover = [&](const std::vector<std::optional<analysis::Point>>& points) {
        for (const auto& point : points) {
            if (!point) continue;
            scale.least = std::min(scale.least, point->value);
            scale.most = std::max(scale.most, point->value);
        }
    };
    cover(line.days);
    if (!counter) cover(before);
    std::string svg = fmt::format(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{} by day">)", kWidth, kHeight,
                                  escaped(series.metric));
    const double step = kWidth / kDays;
    const auto bar = [&](const analysis::Point& point, std::size_t day, double left, double width, const char* kind) {
        const double y = scale.y(point.value), zero = scale.y(0);
        svg += fmt::format(R"(<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1">{}</rect>)",
                           kind, static_cast<double>(day) * step + left, std::min(y, zero), width,
                           std::max(std::abs(zero - y), 0.8), titled(point, series));
    };
    std::string path;
    for (std::size_t day = 0; day < kDays; ++day) {
        const double middle = (static_cast<double>(day) + 0.5) * step;
        const auto& point = line.days[day];
        if (!counter && before[day]) bar(*before[day], day, step * 0.12, step * 0.3, "past");
        if (!counter && point) bar(*point, day, step * 0.44, step * 0.42, point->final ? "now" : "open");
        if (counter && point) {
            const double y = scale.y(point->value);
            path += fmt::format("{}{:.1f} {:.1f}", path.empty() || !line.days[day - 1] ? "M" : "L", middle, y);
            svg += fmt::format(R"(<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3">{}</circle>)",
                               point->final ? "now" : "open", middle, y, titled(*point, series));
        }
        if (!point) svg += fmt::format(R"(<text x="{:.1f}" y="{}">–</text>)", middle + step * 0.15, kFloor - 2);
        svg += fmt::format(R"(<text x="{:.1f}" y="{}">{}</text>)", middle, kHeight - 2, kWeekdays.at(day));
    }
    if (!path.empty()) svg += fmt::format(R"(<path class="stroke" d="{}"/>)", path);
    svg += fmt::format(R"(<line class="axis" x1="0" x2="{0}" y1="{1}" y2="{1}"/></svg>)", kWidth, kFloor + 0.5);
    return svg;
}

}  // namespace tally::report
