// SPDX-License-Identifier: Apache-2.0
// tallyctl report
#include <fmt/format.h>

#include <array>
#include <utility>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/context.hpp"
#include "cli/dates.hpp"
#include "cli/output_file.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"
#include "common/time_zone.hpp"

namespace tally::cli {

namespace {

/// What FILE ends in, and what the API calls that form.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kFormats{
    {{".txt", "text"}, {".html", "html"}, {".htm", "html"}, {".xlsx", "xlsx"}}};

std::optional<Day> week_of(const Arguments& arguments) {
    const auto text = arguments.find("week");
    if (!text) return std::nullopt;
    const auto day = parse_date(*text, TimeZone::utc().day_of(now()));
    if (!day) throw Error{Fault::usage, fmt::format("--week: no date: '{}'", *text), "Write a day of it: 2026-11-16."};
    return day;
}

std::string report_path(const Arguments& arguments) {
    const auto week = week_of(arguments);
    return api_path({"users", arguments.at("USER"), "reports", week ? render_day(*week) : "latest"});
}

std::string read_format(const Arguments& arguments, const std::string& file) {
    if (auto format = arguments.find("format")) {
        for (const auto& [end, name] : kFormats)
            if (*format == name) return *std::move(format);
        throw Error{Fault::usage, fmt::format("--format: not a format: '{}'", *format), "Write text, html or xlsx."};
    }
    if (file == "-") return "text";
    for (const auto& [end, name] : kFormats)
        if (file.ends_with(end)) return std::string{name};
    throw Error{Fault::usage, fmt::format("'{}' does not say which format it is to have", file),
                "Give --format, or a name that ends in .txt, .html or .xlsx."};
}

/// "alice: 2026-11-09 to 2026-11-15"
std::string name_of(const Json& report) {
    return fmt::format("'{}' from {} to {}", printable(text_of(report, "user_id")), text_of(report, "first"),
                       text_of(report, "last"));
}

}  // namespace

int build_report(Context& context, const Arguments& arguments) {
    Json body = Json::object();
    if (const auto week = week_of(arguments)) body["week"] = render_day(*week);
    const auto answer =
        context.daemon().request("POST", api_path({"users", arguments.at("USER"), "reports"}), Secret{body.dump()});
    const auto& report = member(answer, "data");
    if (context.json) {
        context.print(report);
        return kExitDone;
    }
    context.console.say(fmt::format("the report of {} is built, with {}; 'tallyctl report get' shows it",
                                    name_of(report), counted(number_of(report, "metrics"), "metric", "metrics")));
    return kExitDone;
}

int get_report(Context& context, const Arguments& arguments) {
    const auto file = arguments.find("out").value_or("-");
    const auto format = read_format(arguments, file);
    if (format == "xlsx" && file == "-" && context.console.out_is_terminal())
        throw Error{Fault::usage, "a workbook is nothing for a terminal", "Write it to a file: --out FILE."};
    const auto content = context.daemon().fetch(with_query(report_path(arguments), {{"format", format}}));
    if (file == "-") {
        context.console.out(content);
        return kExitDone;
    }
    OutputFile out{file};
    out.write(content);
    out.commit();
    context.console.say(fmt::format("the report is in '{}'", printable(file)));
    return kExitDone;
}

int list_reports(Context& context, const Arguments& arguments) {
    const auto week = week_of(arguments);
    const Context::Query query{{"user", arguments.find("user").value_or("")}, {"week", week ? render_day(*week) : ""}};
    if (context.json) {
        context.print_all(api_path({"reports"}), query, "reports");
        return kExitDone;
    }
    const auto at = now();
    auto table = make_table(
        context, {{"USER"}, {"FIRST"}, {"LAST"}, {"BUILT"}, {"METRICS", true}, {"MAIL"}, {"MAILED"}, {"ERROR"}});
    context.each(api_path({"reports"}), query, "reports", [&](const Json& report) {
        const auto mail = text_of(report, "mail"), mailed = text_of(report, "mailed_at");
        table.add({text_of(report, "user_id"), text_of(report, "first"), text_of(report, "last"),
                   render_when(text_of(report, "built_at"), at), with_separators(number_of(report, "metrics")), mail,
                   mailed.empty() ? "" : render_when(mailed, at), text_of(report, "mail_error")},
                  mail == "failed" ? Tone::bad : Tone::plain);
    });
    table.finish();
    return kExitDone;
}

int send_report(Context& context, const Arguments& arguments) {
    const auto answer = context.daemon().request("POST", report_path(arguments) + "/mail");
    const auto& report = member(answer, "data");
    if (context.json) {
        context.print(report);
        return kExitDone;
    }
    context.console.say(
        fmt::format("the report of {} goes to {}; 'tallyctl report list --user {}' shows when it is sent",
                    name_of(report), printable(text_of(report, "to")), printable(text_of(report, "user_id"))));
    return kExitDone;
}

}  // namespace tally::cli
