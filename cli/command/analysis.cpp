// SPDX-License-Identifier: Apache-2.0
// tallyctl show, top
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <queue>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/copy_out.hpp"
#include "cli/database_url.hpp"
#include "cli/dates.hpp"
#include "cli/filters.hpp"
#include "cli/interrupt.hpp"
#include "cli/series_reader.hpp"
#include "cli/sparkline.hpp"
#include "common/analysis/json.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"
#include "common/postgres/session.hpp"
#include "common/time_zone.hpp"

namespace tally::cli {

namespace {

using analysis::Figures;
using analysis::Series;
using std::chrono::days;

constexpr days kLongestPeriod{3'660};
constexpr std::size_t kBars = 28;
constexpr std::size_t kDefaultTop = 20;
constexpr std::size_t kMostTop = 10'000;
constexpr std::int64_t kLook = 1'000;  // series between two looks at Ctrl-C

/// The days that --from, --to and --last name, today included unless --to says otherwise.
DayRange read_period(const Arguments& arguments, Day today) {
    const auto dates = read_dates(arguments, today);
    const auto last = dates.to.value_or(std::max(today, dates.from.value_or(today)));
    auto first = dates.from.value_or(last - analysis::kDefaultPeriod + days{1});
    if (arguments.has("last")) first += days{1};  // read_dates() counts today apart
    if (first > last) throw Error{Fault::usage, "--last: not a number of days: '0d'", "Write 30d."};
    if (last - first >= kLongestPeriod)
        throw Error{Fault::usage, fmt::format("more than {} days are asked for", kLongestPeriod.count()),
                    "Ask for a part of them."};
    return {first, last};
}

/// What both commands ask of the database: the period, the one before, and the lists.
SeriesFilter filter_of(const Arguments& arguments, DayRange period) {
    return {.users = {},
            .tiers = {},
            .platforms = pattern_array(read_list(arguments, "platform")),
            .accounts = pattern_array(read_list(arguments, "account")),
            .sources = pattern_array(read_list(arguments, "source")),
            .metrics = pattern_array(read_list(arguments, "metric")),
            .days = {analysis::period_before(period).first, period.last},
            .broken_down = arguments.has("all-metrics")};
}

void check_user(CopySource& source, const std::string& user) {
    bool known = false;
    source.copy(fmt::format("SELECT 1 FROM users WHERE user_id = {}", postgres::quote_literal(user)),
                [&](std::string_view) { known = true; });
    if (!known) throw Error{Fault::missing, fmt::format("there is no user '{}'", user), "See 'tallyctl user list'."};
}

std::string value_text(const std::optional<double>& value, const Series& series) {
    return value ? analysis::render_value(*value, series.unit, series.currency) : "";
}

std::string change_text(const Figures& figures, const Series& series) {
    if (!figures.change) return "";
    return (*figures.change > 0 ? "+" : "") + value_text(figures.change, series);
}

std::string percent_text(const Figures& figures) {
    if (!figures.change_percent) return "";
    const auto percent = *figures.change_percent;
    return std::abs(percent) < 1'000 ? fmt::format("{:+.1f} %", percent) : fmt::format("{:+.0f} %", percent);
}

std::string bars(const Series& series, DayRange period, bool blocks) {
    std::vector<std::optional<double>> values(static_cast<std::size_t>(analysis::count_days(period)));
    for (const auto& point : series.points)
        if (period.first <= point.day && point.day <= period.last)
            values[static_cast<std::size_t>((point.day - period.first).count())] = point.value;
    return sparkline(condense(values, kBars), blocks);
}

/// The tables of `show`, one an account.
class UserPage {
public:
    UserPage(Context& context, DayRange period) : context_(context), period_(period) {}

    void add(const Series& series) {
        const auto account = fmt::format("{} {}{}", series.platform, series.account_id,
                                         series.source == "social_media" ? "" : ", " + series.source);
        if (account != account_) begin(account);
        const auto figures = analysis::summarise(series, period_);
        table_->add({series.metric, std::string{analysis::to_text(series.summary)}, value_text(figures.value, series),
                     change_text(figures, series), percent_text(figures),
                     fmt::format("{}/{}", figures.days_known, analysis::count_days(period_)),
                     std::to_string(figures.days_not_final), bars(series, period_, context_.console.palette().colour)});
        ++metrics_;
    }

    void finish() {
        if (table_) table_->finish();
    }
    std::size_t metrics() const noexcept { return metrics_; }

private:
    void begin(const std::string& account) {
        finish();
        auto& console = context_.console;
        console.out(fmt::format("{}{}\n", account_.empty() ? "" : "\n",
                                console.palette().paint(Tone::strong, printable(account))));
        account_ = account;
        table_.emplace(make_table(context_, {{"METRIC"},
                                             {"BY"},
                                             {"VALUE", true},
                                             {"CHANGE", true},
                                             {"%", true},
                                             {"DAYS", true},
                                             {"NOT FINAL", true},
                                             {"DAY BY DAY"}}));
    }

    Context& context_;
    DayRange period_;
    std::string account_;
    std::optional<TextTable> table_;
    std::size_t metrics_ = 0;
};

std::string about_period(DayRange period) {
    const auto before = analysis::period_before(period);
    return fmt::format("{} to {} ({}), beside {} to {}", render_day(period.first), render_day(period.last),
                       counted(analysis::count_days(period), "day", "days"), render_day(before.first),
                       render_day(before.last));
}

/// One of the series with the largest growth.
struct Ranked {
    Series series;
    Figures figures;
    double rank = 0;  ///< the larger, the further up
    friend bool operator<(const Ranked& a, const Ranked& b) {
        return a.rank > b.rank;
    }  // the least one on top of a heap
};

std::size_t read_limit(const Arguments& arguments) {
    const auto text = arguments.find("limit");
    if (!text) return kDefaultTop;
    std::size_t limit = 0;
    const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (error != std::errc{} || stop != text->data() + text->size() || limit == 0 || limit > kMostTop)
        throw Error{Fault::usage, fmt::format("--limit: not a number from 1 to {}: '{}'", kMostTop, *text)};
    return limit;
}

bool by_change(const Arguments& arguments) {
    const auto by = arguments.find("by").value_or("percent");
    if (by != "percent" && by != "change")
        throw Error{Fault::usage, fmt::format("--by: neither percent nor change: '{}'", by)};
    return by == "change";
}

std::vector<Ranked> rank(Context& context, const Arguments& arguments, const SeriesFilter& filter, DayRange period) {
    const auto limit = read_limit(arguments);
    const bool absolute = by_change(arguments);
    const double sign = arguments.has("lowest") ? -1 : 1;
    const InterruptWatch watch;
    std::priority_queue<Ranked> best;
    std::int64_t seen = 0;
    CopySource source{reader_url(context.config())};
    read_series(source, filter, [&](const Series& series) {
        if (++seen % kLook == 0) {
            if (watch.interrupted()) throw Interrupted{};
            context.console.progress(counted(seen, "series", "series"));
        }
        auto figures = analysis::summarise(series, period);
        const auto growth = absolute ? figures.change : figures.change_percent;
        if (!growth) return;
        best.push({.series = series, .figures = figures, .rank = sign * *growth});
        if (best.size() > limit) best.pop();
    });
    context.console.end_progress();
    std::vector<Ranked> ranked(best.size());
    for (auto place = ranked.rbegin(); place != ranked.rend(); ++place) {
        *place = best.top();
        best.pop();
    }
    return ranked;
}

void print_ranked(Context& context, const std::vector<Ranked>& ranked, DayRange period) {
    auto table = make_table(context, {{"USER"},
                                      {"PLATFORM"},
                                      {"ACCOUNT"},
                                      {"METRIC"},
                                      {"VALUE", true},
                                      {"CHANGE", true},
                                      {"%", true},
                                      {"DAYS", true},
                                      {"DAY BY DAY"}});
    for (const auto& [series, figures, place] : ranked)
        table.add({series.user_id, series.platform, series.account_id, series.metric, value_text(figures.value, series),
                   change_text(figures, series), percent_text(figures),
                   fmt::format("{}/{}", figures.days_known, analysis::count_days(period)),
                   bars(series, period, context.console.palette().colour)});
    table.finish();
}

}  // namespace

int show_numbers(Context& context, const Arguments& arguments) {
    const auto& user = arguments.at("USER");
    const auto today = TimeZone::utc().day_of(now());
    const auto period = read_period(arguments, today);
    auto filter = filter_of(arguments, period);
    filter.users = array_of({user});
    filter.days.first =
        std::min(filter.days.first, period.first - analysis::kAnomalyHistory);  // trends look further back
    Json metrics = Json::array();
    UserPage page{context, period};
    auto& console = context.console;
    bool any = false;
    CopySource source{reader_url(context.config())};
    read_series(source, filter, [&](const Series& series) {
        if (!analysis::is_known(series, period)) return;
        if (!std::exchange(any, true) && !context.json)
            console.out(fmt::format("{}  {}\n\n", console.palette().paint(Tone::strong, printable(user)),
                                    about_period(period)));
        if (!context.json) return page.add(series);
        auto metric = analysis::figures_json(series, analysis::summarise(series, period), period, today);
        metric["trend"] = analysis::trend_json(analysis::find_trend(series, period.last));
        metric["points"] = analysis::points_json(series, period);
        metrics.push_back(std::move(metric));
    });
    if (!any) check_user(source, user);
    if (context.json) {
        context.print({{"user_id", user},
                       {"from", render_day(period.first)},
                       {"to", render_day(period.last)},
                       {"before", analysis::range_json(analysis::period_before(period))},
                       {"metrics", std::move(metrics)}});
        return kExitDone;
    }
    page.finish();
    if (page.metrics() == 0)
        console.say(fmt::format("there are no such numbers from {}", about_period(period)));
    else
        console.say(
            "changes are of days that both periods have; what is not final may change; a dot is a day without a "
            "number");
    return kExitDone;
}

int show_top(Context& context, const Arguments& arguments) {
    const auto today = TimeZone::utc().day_of(now());
    const auto period = read_period(arguments, today);
    auto filter = filter_of(arguments, period);
    filter.users = array_of(read_list(arguments, "user"));
    filter.tiers = array_of(read_list(arguments, "tier"));
    std::vector<Ranked> ranked;
    try {
        ranked = rank(context, arguments, filter, period);
    } catch (const Interrupted&) {
        context.console.end_progress();
        return kExitInterrupted;
    }
    if (context.json) {
        Json list = Json::array();
        for (const auto& [series, figures, place] : ranked) {
            list.push_back(analysis::figures_json(series, figures, period, today));
            list.back()["user_id"] = series.user_id;
        }
        context.print({{"from", render_day(period.first)},
                       {"to", render_day(period.last)},
                       {"before", analysis::range_json(analysis::period_before(period))},
                       {"metrics", std::move(list)}});
        return kExitDone;
    }
    if (ranked.empty()) {
        context.console.say(fmt::format("nothing can be compared from {}", about_period(period)));
        return kExitDone;
    }
    context.console.out(about_period(period) + "\n\n");
    print_ranked(context, ranked, period);
    return kExitDone;
}

}  // namespace tally::cli
