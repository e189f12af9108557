// SPDX-License-Identifier: Apache-2.0
// tallyctl explain
#include <fmt/format.h>

#include <cmath>
#include <string>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/connection_name.hpp"
#include "cli/dates.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"
#include "common/time_zone.hpp"

namespace tally::cli {

namespace {

constexpr double kWhole = 9e15;  // below it every whole number has a double of its own

/// Label and value in columns; nothing when there is no value.
void line(std::string& page, std::string_view label, const std::string& value) {
    if (!value.empty()) page += fmt::format("{:<10} {}\n", label, printable(value));
}

/// As it is stored: nothing is rounded here.
std::string value_text(const Json& number) {
    const auto value = fraction_of(number, "value").value_or(0);
    const auto unit = text_of(number, "unit"), currency = text_of(number, "currency");
    const bool whole = value == std::floor(value) && std::abs(value) < kWhole;
    auto text = whole ? with_separators(static_cast<std::int64_t>(value)) : fmt::format("{}", value);
    if (!unit.empty() && unit != "count") text += " " + unit;
    return currency.empty() ? text : text + " " + currency;
}

std::string state_text(const std::string& state) {
    if (state == "final") return "final: the platform changes it no more";
    if (state == "provisional") return "not final: the platform may still change it";
    if (state == "pending") return "pending: asked, and not published yet";
    if (state == "empty") return "empty: the platform has no number for this day, which is no zero";
    if (state == "refused") return "refused by the platform, see 'tallyctl platform show'";
    if (state == "never_asked") return "never asked: a gap, which 'tallyctl run' with --from and --to fills";
    if (state == "impossible") return "impossible: before the account, outside the platform's history, or to come";
    return "";
}

std::string window_text(const Json& request) {
    const auto& window = member(request, "window");
    if (!window.is_object()) return member(request, "url").is_null() ? "" : "the moment it was fetched";
    return fmt::format("{} to {}, the day in {}", text_of(window, "from"), text_of(window, "to"),
                       text_of(window, "zone"));
}

std::string run_text(const Json& number, const Json& run) {
    const auto id = text_of(number, "run_id");
    if (!run.is_object()) return fmt::format("{}, whose log was dropped (history.runs)", id);
    return fmt::format("{} on node {} ({}), {} to {}: {}", id, text_of(run, "node"), text_of(run, "trigger"),
                       text_of(run, "started_at"), text_of(run, "finished_at"), text_of(run, "state"));
}

std::string earlier_text(const Json& number, const Json& entry) {
    auto value = number;
    value["value"] = entry["value"];
    const auto node = text_of(entry, "node");
    return fmt::format("{} from {} to {}, run {}{}", value_text(value), text_of(entry, "fetched_at"),
                       text_of(entry, "replaced_at"), text_of(entry, "run_id"), node.empty() ? "" : " on node " + node);
}

std::string render(const Json& told) {
    const auto& number = member(told, "number");
    const auto& request = member(told, "request");
    std::string page;
    line(page, "number",
         fmt::format("{} of {} {}, {}, {}", text_of(told, "metric"), text_of(told, "platform"),
                     text_of(told, "account_id"), text_of(told, "source"), text_of(told, "date")));
    if (number.is_object()) {
        line(page, "value", value_text(number));
        line(page, "state", state_text(flag_of(number, "final") ? "final" : "provisional"));
        line(page, "fetched",
             fmt::format("{}; the day's first value at {}, restated {} since its end", text_of(number, "fetched_at"),
                         text_of(number, "first_seen_at"), counted(number_of(number, "revision"), "time", "times")));
        line(page, "run", run_text(number, member(told, "run")));
    } else {
        line(page, "value", "there is none");
        line(page, "state", state_text(text_of(told, "state")));
        line(page, "asked", text_of(told, "asked_at"));
    }
    const auto api = text_of(number, "api"), version = text_of(number, "api_version");
    if (!api.empty()) line(page, "api", version.empty() ? api : fmt::format("{} {}", api, version));
    if (request.is_object()) {
        line(page, "file", text_of(request, "file"));
        const auto url = text_of(request, "url");
        if (!url.empty())
            line(page, "request",
                 fmt::format("{} {} (as the file has it now, without the token)", text_of(request, "method"), url));
        line(page, "window", window_text(request));
    }
    for (const auto& entry : member(told, "earlier")) line(page, "earlier", earlier_text(number, entry));
    return page;
}

}  // namespace

int explain_number(Context& context, const Arguments& arguments) {
    const auto date = parse_date(arguments.at("DATE"), TimeZone::utc().day_of(now()));
    if (!date)
        throw Error{Fault::usage, fmt::format("not a date: '{}'", arguments.at("DATE")),
                    "Write 2026-11-21, today or -1d."};
    const auto connection = read_connection(context, arguments);
    const auto told =
        context.daemon().get(with_query(api_path({"explain"}), {{"user", connection.user},
                                                                {"platform", connection.platform},
                                                                {"account", connection.account},
                                                                {"source", arguments.find("source").value_or("")},
                                                                {"metric", arguments.at("METRIC")},
                                                                {"date", render_day(*date)}}));
    if (context.json)
        context.print(told);
    else
        context.console.out(render(told));
    return kExitDone;
}

}  // namespace tally::cli
