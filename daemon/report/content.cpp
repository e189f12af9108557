// SPDX-License-Identifier: Apache-2.0
// Chooses what is worth saying.
#include "daemon/report/content.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "common/counted.hpp"

namespace tally::report {

namespace {

using analysis::Figures;
using analysis::Series;
using platform::Knowledge;
using std::chrono::days;

constexpr std::size_t kMostHighlights = 8;
constexpr double kMuchGrowth = 10;     // percent, from which a change is worth a sentence
constexpr double kChance = 3;          // so many times the spread of a count by chance, the square root of it
constexpr std::size_t kMostNamed = 5;  // metrics that a note names

/// Without days that were still running when they were fetched.
Series whole_days(Series series, const TimeZone& zone) {
    if (series.summary == analysis::Summary::latest) return series;
    std::erase_if(series.points, [&](const analysis::Point& point) {
        return point.fetched_at && *point.fetched_at < zone.end_of(point.day);
    });
    return series;
}

Line line_of(const Series& series, DayRange week) {
    Line line{.series = series,
              .figures = analysis::summarise(series, week),
              .trend = analysis::find_trend(series, week.last),
              .anomalies = analysis::find_anomalies(series, week),
              .days = std::vector<std::optional<analysis::Point>>(kDays)};
    for (const auto& point : series.points)
        if (week.first <= point.day && point.day <= week.last)
            line.days[static_cast<std::size_t>((point.day - week.first).count())] = point;
    return line;
}

/// Of an account, of numbers, of what is known: whether two are about the same account.
bool same_account(const auto& one, const auto& other) {
    return one.platform == other.platform && one.account_id == other.account_id && one.source == other.source;
}

void add_part(Account& account, const Series& series, Line line) {
    const auto [base, dimension, name] = analysis::split_metric(series.metric);
    auto& list = account.breakdowns;
    if (list.empty() || list.back().metric != base || list.back().dimension != dimension)
        list.push_back({.metric = std::string{base}, .dimension = std::string{dimension}, .parts = {}});
    list.back().parts.push_back({.name = std::string{name}, .line = std::move(line)});
}

std::string_view reason_of(Knowledge state) {
    switch (state) {
        case Knowledge::pending:
        case Knowledge::provisional:  // asked while the day could still change, and nothing came for this metric
            return "not published yet";
        case Knowledge::empty:
        case Knowledge::final:
            return "the platform had no number";
        case Knowledge::refused:
            return "refused by the platform";
        case Knowledge::never_asked:
            return "not collected";
        case Knowledge::impossible:  // before the account, or outside the platform's history
            break;
    }
    return "";
}

std::string named(const std::set<std::string>& metrics) {
    std::vector<std::string> shown{metrics.begin(), metrics.end()};
    if (shown.size() <= kMostNamed) return fmt::format("{}", fmt::join(shown, ", "));
    shown.resize(kMostNamed);
    return fmt::format("{} and {} more", fmt::join(shown, ", "), metrics.size() - kMostNamed);
}

const Line* find_line(const Account& account, const std::string& metric) {
    const auto found = std::find_if(account.lines.begin(), account.lines.end(),
                                    [&](const Line& line) { return line.series.metric == metric; });
    return found == account.lines.end() ? nullptr : &*found;
}

/// Days of the week without a number, by why there is none and how many they are. Of a metric that is only stored
/// broken down, any part is a number.
bool has_number(const Account& account, const std::string& metric, std::size_t day) {
    if (const auto* line = find_line(account, metric)) return line->days[day].has_value();
    for (const auto& breakdown : account.breakdowns)
        for (const auto& part : breakdown.parts)
            if (breakdown.metric == metric && part.line.days[day]) return true;
    return false;
}

void note_missing(Account& account, const KnownAccount& known, DayRange week, Instant built_at) {
    std::map<std::pair<std::string, std::size_t>, std::set<std::string>> missing;  // reason and days -> metrics
    std::set<std::string> told;
    for (const auto& entry : known.metrics) {
        for (const auto& metric : entry.metrics) {
            if (!told.insert(metric).second) continue;
            std::map<std::string, std::size_t> reasons;
            for (const auto& span : entry.days) {
                for (auto day = std::max(span.days.first, week.first); day <= std::min(span.days.last, week.last);
                     day += days{1}) {
                    const auto reason =
                        built_at < known.zone.end_of(day) ? "the day was not over yet" : reason_of(span.state);
                    if (reason.empty() ||
                        has_number(account, metric, static_cast<std::size_t>((day - week.first).count())))
                        continue;
                    ++reasons[std::string{reason}];
                }
            }
            for (const auto& [reason, count] : reasons) missing[{reason, count}].insert(metric);
        }
    }
    for (const auto& [why, metrics] : missing)
        account.notes.push_back(fmt::format("{} of {} without a number ({}): {}", why.second,
                                            counted(kDays, "day", "days"), why.first, named(metrics)));
}

void note_open(Account& account) {
    std::set<std::string> open;
    for (const auto& line : account.lines)
        if (line.figures.days_not_final > 0) open.insert(line.series.metric);
    for (const auto& breakdown : account.breakdowns)
        for (const auto& part : breakdown.parts)
            if (part.line.figures.days_not_final > 0) open.insert(breakdown.metric);
    if (!open.empty())
        account.notes.push_back(fmt::format("not final, the platform may still change it: {}", named(open)));
}

/// Large, and of counts more than chance: from 2 to 3 is no growth of 50 %.
bool is_striking(const Figures& figures, const Series& series) {
    if (!figures.change_percent || std::abs(*figures.change_percent) < kMuchGrowth) return false;
    if (series.unit != "count") return true;
    const auto both = std::abs(*figures.value) + std::abs(figures.before.value_or(0));
    return std::abs(*figures.change) > kChance * std::sqrt(both);
}

struct Highlight {
    double weight;
    std::string text;
};

void add_highlights(std::vector<Highlight>& highlights, const Account& account) {
    for (const auto& line : account.lines) {
        const auto& series = line.series;
        for (const auto& anomaly : line.anomalies)
            highlights.push_back(
                {1'000 + std::min(std::abs(anomaly.score), 1'000.0),
                 fmt::format("{} ({}): {}.", account.title, account.account_id, describe(anomaly, series))});
        const auto& figures = line.figures;
        if (!line.anomalies.empty() || !is_striking(figures, series)) continue;
        const auto percent = std::abs(*figures.change_percent);
        const auto by =
            is_percentage(series) ? points_text(std::abs(*figures.change)).substr(1) : fmt::format("{:.1f} %", percent);
        highlights.push_back({std::min(percent, 999.0),
                              fmt::format("{} ({}): {} {} by {}, to {}.", account.title, account.account_id,
                                          series.metric, *figures.change > 0 ? "grew" : "fell", by,
                                          analysis::render_value(*figures.value, series.unit, series.currency))});
    }
}

}  // namespace

std::int64_t Report::metrics() const noexcept {
    std::size_t count = 0;
    for (const auto& account : accounts) {
        count += account.lines.size();
        for (const auto& breakdown : account.breakdowns) count += breakdown.parts.size();
    }
    return static_cast<std::int64_t>(count);
}

DayRange week_of(Day day) {
    const auto monday = day - (std::chrono::weekday{day} - std::chrono::Monday);
    return {monday, monday + days{kDays - 1}};
}

DayRange week_before(Day today) {
    return week_of(today - days{kDays});
}

std::optional<DayRange> week_due(const TimeZone& zone, std::chrono::seconds delay, Instant at) {
    const auto week = week_before(zone.day_of(at));
    const auto over = std::chrono::local_seconds{week.last + days{1}};
    if (zone.resolve(over + delay).first > at) return std::nullopt;
    return week;
}

Report compose(std::string user_id, DayRange week, Instant built_at, const std::vector<Series>& series,
               const std::vector<KnownAccount>& known) {
    Report report{.user_id = std::move(user_id), .week = week, .built_at = built_at, .accounts = {}, .highlights = {}};
    for (const auto& stored : series) {
        const auto of = std::find_if(known.begin(), known.end(),
                                     [&](const KnownAccount& account) { return same_account(account, stored); });
        const auto each = of == known.end() ? stored : whole_days(stored, of->zone);
        if (report.accounts.empty() || !same_account(report.accounts.back(), each))
            report.accounts.push_back({.platform = each.platform,
                                       .title = each.platform,
                                       .account_id = each.account_id,
                                       .source = each.source,
                                       .lines = {},
                                       .breakdowns = {},
                                       .notes = {}});
        auto line = line_of(each, week);
        if (!line.figures.value) continue;
        if (each.base_metric().size() == each.metric.size())
            report.accounts.back().lines.push_back(std::move(line));
        else
            add_part(report.accounts.back(), each, std::move(line));
    }
    for (const auto& each : known) {
        auto account = std::find_if(report.accounts.begin(), report.accounts.end(),
                                    [&](const Account& reported) { return same_account(reported, each); });
        if (account == report.accounts.end())
            account = report.accounts.insert(report.accounts.end(), {.platform = each.platform,
                                                                     .title = each.title,
                                                                     .account_id = each.account_id,
                                                                     .source = each.source,
                                                                     .lines = {},
                                                                     .breakdowns = {},
                                                                     .notes = {}});
        account->title = each.title;
        note_missing(*account, each, week, built_at);
    }
    std::vector<Highlight> highlights;
    for (auto& account : report.accounts) {
        note_open(account);
        for (auto& breakdown : account.breakdowns)
            std::stable_sort(breakdown.parts.begin(), breakdown.parts.end(), [](const auto& a, const auto& b) {
                return *a.line.figures.value > *b.line.figures.value;
            });
        add_highlights(highlights, account);
    }
    std::stable_sort(highlights.begin(), highlights.end(),
                     [](const Highlight& a, const Highlight& b) { return a.weight > b.weight; });
    if (highlights.size() > kMostHighlights) highlights.resize(kMostHighlights);
    for (auto& highlight : highlights) report.highlights.push_back(std::move(highlight.text));
    return report;
}

bool is_percentage(const Series& series) noexcept {
    return series.unit == "percent";
}

std::string points_text(double change) {
    return fmt::format("{:+.1f} points", change);
}

std::string percent_text(const analysis::Figures& figures) {
    return figures.change_percent ? fmt::format("{:+.1f} %", *figures.change_percent) : std::string{};
}

}  // namespace tally::report
