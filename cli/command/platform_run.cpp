// SPDX-License-Identifier: Apache-2.0
// tallyctl platform run: one collection without daemon and database
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cmath>
#include <exception>
#include <tuple>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/context.hpp"
#include "cli/dates.hpp"
#include "cli/export_row.hpp"
#include "cli/token_input.hpp"
#include "common/error.hpp"
#include "common/version.hpp"
#include "daemon/collect/collector.hpp"
#include "daemon/platform/url.hpp"

namespace tally::cli {

namespace {

constexpr std::chrono::days kBackfill{30};

enum class Format { table, csv, ndjson, json };

Format read_format(const Arguments& arguments, bool json) {
    const auto text = arguments.find("format");
    if (!text) return json ? Format::json : Format::table;
    if (*text == "table") return Format::table;
    if (*text == "csv") return Format::csv;
    if (*text == "ndjson") return Format::ndjson;
    throw Error{Fault::usage, fmt::format("--format: not a format: '{}'", *text), "Write table, csv or ndjson."};
}

/// Scheme, host and port, nothing else; without encryption only to this machine, as in the configuration.
std::optional<std::string> read_base_url(const Arguments& arguments) {
    auto text = arguments.find("base-url");
    if (!text) return std::nullopt;
    if (text->ends_with('/')) text->pop_back();
    const auto url = platform::parse_url(*text);
    if (!url || !url->target.empty() || (url->scheme == "http" && !url->is_loopback()))
        throw Error{Fault::usage, fmt::format("--base-url: not usable: '{}'", *text),
                    "Write https://HOST[:PORT], or http://127.0.0.1:PORT for this machine."};
    return text;
}

std::optional<DayRange> read_days(const Arguments& arguments) {
    const auto today = TimeZone::utc().day_of(now());
    const auto dates = read_dates(arguments, today);
    if (!dates.from && !dates.to) return std::nullopt;
    // East of Greenwich it may be tomorrow already; the plan drops days that have not begun.
    const auto last = dates.to.value_or(today + std::chrono::days{1});
    return DayRange{.first = dates.from.value_or(last - kBackfill + std::chrono::days{1}), .last = last};
}

collect::Collected collect_once(collect::Job job) {
    boost::asio::io_context loop;
    net::HttpClient http{loop.get_executor(), {.user_agent = fmt::format("tallyctl/{}", version())}};
    collect::Budgets budgets{loop.get_executor()};
    collect::Collected collected;
    std::exception_ptr failure;
    boost::asio::co_spawn(loop, collect::collect(http, budgets, std::move(job)),
                          [&collected, &failure](std::exception_ptr error, collect::Collected result) {
                              failure = std::move(error);
                              collected = std::move(result);
                          });
    loop.run();
    if (failure) std::rethrow_exception(failure);
    return collected;
}

/// Whole numbers without ".0", as the export prints them; exact up to 2^53.
Json number(double value) {
    constexpr double kExact = 9'007'199'254'740'992;
    if (std::abs(value) <= kExact && std::trunc(value) == value) return static_cast<std::int64_t>(value);
    return value;
}

Json row_of(const platform::Sample& sample) {
    auto metadata = Json::parse(sample.metadata);
    return {{"date", render_day(sample.day)},      {"metric", sample.metric},
            {"value", number(sample.value)},       {"unit", member(metadata, "unit")},
            {"final", flag_of(metadata, "final")}, {"metadata", std::move(metadata)}};
}

void print_csv(Context& context, const std::vector<platform::Sample>& samples) {
    context.console.out("date,metric,value,unit,final,metadata\r\n");
    for (const auto& sample : samples) {
        const auto row = row_of(sample);
        std::string line;
        for (const auto* name : {"date", "metric", "value", "unit", "final", "metadata"}) {
            if (!line.empty()) line += ',';
            append_csv(line, text_of(row, name));
        }
        context.console.out(line + "\r\n");
    }
}

void print_table(Context& context, const std::vector<platform::Sample>& samples) {
    auto table = make_table(context, {{"DATE"}, {"METRIC"}, {"VALUE", true}, {"UNIT"}, {"FINAL"}});
    for (const auto& sample : samples) {
        const auto row = row_of(sample);
        table.add({text_of(row, "date"), sample.metric, text_of(row, "value"), text_of(row, "unit"),
                   flag_of(row, "final") ? "yes" : "no"});
    }
    table.finish();
}

void print_samples(Context& context, const std::vector<platform::Sample>& samples, Format format) {
    switch (format) {
        case Format::table:
            print_table(context, samples);
            return;
        case Format::csv:
            print_csv(context, samples);
            return;
        case Format::ndjson:
            for (const auto& sample : samples) context.console.out(row_of(sample).dump() + "\n");
            return;
        case Format::json:
            break;
    }
    auto rows = Json::array();
    for (const auto& sample : samples) rows.push_back(row_of(sample));
    context.print(rows);
}

}  // namespace

int run_platform(Context& context, const Arguments& arguments) {
    const auto format = read_format(arguments, context.json);
    auto base_url = read_base_url(arguments);
    auto days = read_days(arguments);
    auto platform =
        std::make_shared<const platform::Platform>(platform::load_platform(YamlNode::load(arguments.at("FILE"))));
    auto token = read_token(context.console, arguments);
    auto collected = collect_once({.platform = std::move(platform),
                                   .target = {.account = arguments.at("account"),
                                              .attributes = std::move(token.attributes),
                                              .access_token = std::move(token.access_token),
                                              .derived_tokens = {},
                                              .base_url = std::move(base_url)},
                                   .coverage = {},
                                   .backfill = kBackfill,
                                   .forced = days});
    auto& samples = collected.samples;
    std::sort(samples.begin(), samples.end(),
              [](const auto& a, const auto& b) { return std::tie(a.day, a.metric) < std::tie(b.day, b.metric); });
    print_samples(context, samples, format);
    for (const auto& failure : collected.failures)
        context.console.say(printable(fmt::format("{}: {} ({}): {}", failure.request,
                                                  platform::to_text(failure.outcome), failure.code, failure.message)));
    if (collected.served_version)
        context.console.say(
            fmt::format("warning: the platform answered as version '{}'", printable(*collected.served_version)));
    context.console.say(fmt::format("{} requests, {} rows, {} failures", collected.requests, samples.size(),
                                    collected.failures.size()));
    if (collected.failures.empty()) return kExitDone;
    return collected.tasks_done == 0 ? kExitFailed : kExitPartly;
}

}  // namespace tally::cli
