// SPDX-License-Identifier: Apache-2.0
// tallyctl coverage
#include <fmt/format.h>

#include <charconv>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/coverage_map.hpp"
#include "cli/dates.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"
#include "common/time_zone.hpp"

namespace tally::cli {

namespace {

constexpr unsigned kDefaultDays = 30;
constexpr unsigned kMostDays = 3'660;

unsigned read_days(const Arguments& arguments) {
    const auto text = arguments.find("days");
    if (!text) return kDefaultDays;
    unsigned count = 0;
    const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), count);
    if (error != std::errc{} || stop != text->data() + text->size() || count == 0 || count > kMostDays)
        throw Error{Fault::usage, fmt::format("--days: not a number from 1 to {}: '{}'", kMostDays, *text)};
    return count;
}

DayRange read_range(const Arguments& arguments) {
    const auto today = TimeZone::utc().day_of(now());
    const auto dates = read_dates(arguments, today);
    if (dates.from && arguments.has("days"))
        throw Error{Fault::usage, "--days and --from exclude each other", "Give one of them, or --days with --to."};
    const auto last = dates.to.value_or(std::max(today, dates.from.value_or(today)));
    return {dates.from.value_or(last - std::chrono::days{read_days(arguments) - 1}), last};
}

void check_words(const Arguments& arguments) {
    if (arguments.has("account") && !arguments.has("PLATFORM"))
        throw Error{Fault::usage, "--account needs USER and PLATFORM"};
    if ((arguments.has("metric") || arguments.has("all-metrics")) && !arguments.has("USER"))
        throw Error{Fault::usage, "metrics can be chosen for one user only", "Name the USER."};
}

Context::Query query_of(const Arguments& arguments, DayRange range) {
    return {{"user", arguments.find("USER").value_or("")},
            {"platform", arguments.find("PLATFORM").value_or("")},
            {"account", arguments.find("account").value_or("")},
            {"from", render_day(range.first)},
            {"to", render_day(range.last)}};
}

/// Days in all, which are an estimate where a platform has very many connections.
std::string days_text(const Json& group, std::string_view name) {
    return (flag_of(group, "estimated") ? "~" : "") + with_separators(number_of(group, name));
}

int show_groups(Context& context, const Arguments& arguments, DayRange range) {
    const auto data = context.daemon().get(with_query(api_path({"coverage"}), query_of(arguments, range)));
    if (context.json) {
        context.print(data);
        return kExitDone;
    }
    const auto& groups = member(data, "groups");
    if (groups.empty()) {
        context.console.say("there are no connections yet: see 'tallyctl help connection add'");
        return kExitDone;
    }
    auto table = make_table(context, {{"PLATFORM"},
                                      {"TIER"},
                                      {"CONNECTIONS", true},
                                      {"DAYS", true},
                                      {"FINAL", true},
                                      {"%", true},
                                      {"GAPS", true},
                                      {"REFUSED", true}});
    for (const auto& group : groups) {
        const auto wanted = number_of(group, "days") - number_of(group, "refused");
        table.add({text_of(group, "platform"), text_of(group, "tier"), with_separators(number_of(group, "connections")),
                   days_text(group, "days"), days_text(group, "final"), percent_text(number_of(group, "final"), wanted),
                   days_text(group, "gaps"), days_text(group, "refused")},
                  number_of(group, "gaps") > 0 ? Tone::warning : Tone::plain);
    }
    table.finish();
    return kExitDone;
}

void add_summary(TextTable& table, const Json& connection, Instant at) {
    const auto counts = count_days(connection, at);
    const auto state = text_of(connection, "state");
    const auto tone = tone_of_state(state);
    table.add({text_of(connection, "platform"), text_of(connection, "account_id"), state,
               percent_text(counts.settled, counts.wanted), with_separators(counts.gaps),
               counts.oldest_gap ? render_day(*counts.oldest_gap) : "", with_separators(counts.refused)},
              tone == Tone::plain && counts.gaps > 0 ? Tone::warning : tone);
}

/// Visits the connections that have metrics as wanted. @throws Error (missing) when none has
void each_connection(Context& context, const Arguments& arguments, DayRange range,
                     const std::function<void(const Json&)>& visit) {
    const auto glob = arguments.find("metric");
    bool any = false, matched = false;
    context.each(api_path({"coverage"}), query_of(arguments, range), "connections", [&](const Json& connection) {
        any = true;
        auto kept = connection;
        if (glob && !keep_metrics(kept, *glob)) return;
        matched = true;
        visit(kept);
    });
    if (any && !matched)
        throw Error{Fault::missing, fmt::format("no metric matches '{}'", *glob),
                    "'tallyctl platform show PLATFORM' lists metrics."};
}

int print_connections(Context& context, const Arguments& arguments, DayRange range) {
    Json list = Json::array();
    each_connection(context, arguments, range, [&](const Json& connection) { list.push_back(connection); });
    Json result;
    result["from"] = render_day(range.first);
    result["to"] = render_day(range.last);
    result["connections"] = std::move(list);
    context.print(result);
    return kExitDone;
}

int show_summaries(Context& context, const Arguments& arguments, DayRange range) {
    auto table = make_table(
        context,
        {{"PLATFORM"}, {"ACCOUNT"}, {"STATE"}, {"FINAL", true}, {"GAPS", true}, {"OLDEST GAP"}, {"REFUSED", true}});
    const auto at = now();
    each_connection(context, arguments, range, [&](const Json& connection) { add_summary(table, connection, at); });
    if (table.rows() == 0)
        context.console.say(fmt::format("user '{}' has no connections", arguments.at("USER")));
    else
        table.finish();
    return kExitDone;
}

void say_how_to_fill(Context& context, const Json& connection, DayRange gaps) {
    context.console.say(
        fmt::format("the next run fills gaps as far back as collect.backfill; all of them, now: tallyctl run --user {} "
                    "--platform {} --account {} "
                    "--from {} --to {}",
                    text_of(connection, "user_id"), text_of(connection, "platform"), text_of(connection, "account_id"),
                    render_day(gaps.first), render_day(gaps.last)));
}

int show_maps(Context& context, const Arguments& arguments, DayRange range) {
    auto& console = context.console;
    MapStyle style{.palette = console.palette(),
                   .blocks = console.palette().colour && !arguments.has("plain"),
                   .width = console.out_is_terminal() ? console.width() : 0,
                   .every_metric = arguments.has("metric") || arguments.has("all-metrics")};
    style.palette.colour = style.blocks;
    CoverageMap map{range, style};
    const auto at = now();
    std::vector<std::pair<Json, DayRange>> open;
    each_connection(context, arguments, range, [&](const Json& connection) {
        console.out(map.render(connection) + "\n");
        if (const auto gaps = open_gaps(connection, at); gaps && text_of(connection, "state") == "active")
            open.emplace_back(connection, *gaps);
    });
    console.out(map.legend());
    const bool dates_given = arguments.has("from") || arguments.has("days");
    if (map.first_shown() > range.first && dates_given)
        console.say(fmt::format("days before {} do not fit: widen the terminal, or use --to or --output json",
                                render_day(map.first_shown())));
    for (const auto& [connection, gaps] : open) say_how_to_fill(context, connection, gaps);
    return kExitDone;
}

}  // namespace

int show_coverage(Context& context, const Arguments& arguments) {
    check_words(arguments);
    const auto range = read_range(arguments);
    if (!arguments.has("USER")) return show_groups(context, arguments, range);
    if (context.json) return print_connections(context, arguments, range);
    return arguments.has("PLATFORM") ? show_maps(context, arguments, range) : show_summaries(context, arguments, range);
}

}  // namespace tally::cli
