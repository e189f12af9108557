// SPDX-License-Identifier: Apache-2.0
// tallyctl platform run: one collection without daemon and database
#include <fmt/format.h>
#include <fmt/ranges.h>

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
#include "common/config/secret_ref.hpp"
#include "common/error.hpp"
#include "common/url.hpp"
#include "common/version.hpp"
#include "daemon/collect/collector.hpp"
#include "daemon/platform/redact.hpp"

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
    const auto url = parse_url(*text);
    if (!url || !url->target.empty() || !url->is_confidential())
        throw Error{Fault::usage, fmt::format("--base-url: not usable: '{}'", *text),
                    "Write https://HOST[:PORT], or http://127.0.0.1:PORT for this machine."};
    return text;
}

/// What the platform knows the program by, for platforms that want to see it with every request.
platform::App read_app(const Arguments& arguments) {
    platform::App app{.client_id = arguments.find("client-id").value_or(""), .client_secret = {}};
    if (const auto file = arguments.find("client-secret-file"))
        app.client_secret = config::resolve({"file:" + *file, "--client-secret-file"});
    return app;
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

std::string days_text(const platform::Task& task) {
    if (!task.days) return "now";
    const auto first = render_day(task.days->first), last = render_day(task.days->last);
    return first == last ? first : fmt::format("{} to {}", first, last);
}

void show_plan(Console& console, const platform::Plan& plan) {
    console.say(fmt::format("plan: {} request{}", plan.tasks.size(), plan.tasks.size() == 1 ? "" : "s"));
    for (const auto& task : plan.tasks)
        console.say(fmt::format("  {} ({}): {}", task.request->name, days_text(task), fmt::join(task.metrics, ", ")));
    console.say("");
}

/// Nothing of a token is shown: headers by name only, answers with what looks like a token blacked out.
void show_exchange(Console& console, const platform::HttpRequest& request, const net::Response& response,
                   const platform::Verdict& verdict) {
    constexpr std::size_t kMostShown = 8'192;
    console.say(printable(fmt::format("> {} {}{}", request.method, request.url,
                                      request.secret_query.empty() ? "" : "  (and a proof, hidden)")));
    for (const auto& [name, value] : request.headers) console.say(printable(fmt::format("> {}: ***", name)));
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(response.elapsed).count();
    if (response.failure != net::Response::Failure::none) {
        console.say(printable(fmt::format("< no answer: {}", response.failure_text)));
    } else {
        console.say(
            printable(fmt::format("< {} in {} ms, {} bytes: {}{}", response.status, elapsed, response.body.size(),
                                  platform::to_text(verdict.outcome), verdict.code.empty() ? "" : " " + verdict.code)));
        console.say("  " + printable(platform::redact(response.body, kMostShown)));
    }
    console.say("");
}

}  // namespace

int run_platform(Context& context, const Arguments& arguments) {
    const auto format = read_format(arguments, context.json);
    auto base_url = read_base_url(arguments);
    auto days = read_days(arguments);
    auto platform =
        std::make_shared<const platform::Platform>(platform::load_platform(YamlNode::load(arguments.at("FILE"))));
    auto token = read_token(context.console, arguments);
    collect::Job job;
    job.platform = std::move(platform);
    job.target.account = arguments.at("account");
    job.target.attributes = std::move(token.attributes);
    job.target.access_token = std::move(token.access_token);
    job.target.app = read_app(arguments);
    job.target.base_url = std::move(base_url);
    job.backfill = kBackfill;
    job.forced = days;
    if (!arguments.has("quiet")) {
        job.planned = [&console = context.console](const platform::Plan& plan) { show_plan(console, plan); };
        job.observe = [&console = context.console](const auto& request, const auto& response, const auto& verdict) {
            show_exchange(console, request, response, verdict);
        };
    }
    auto collected = collect_once(std::move(job));
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
