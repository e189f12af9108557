// SPDX-License-Identifier: Apache-2.0
// tallyctl platform list, show and check
#include "daemon/platform/platform.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/connection_name.hpp"
#include "cli/context.hpp"
#include "common/error.hpp"
#include "daemon/platform/catalog.hpp"

namespace tally::cli {

namespace {

using platform::Platform;
using platform::Request;

constexpr std::chrono::minutes kLiveCheckTimeout{10};  // a request a metric, as fast as the platform's limits allow

platform::Catalog load_catalog(const Context& context) {
    return platform::Catalog::load(context.platform_directories());
}

std::shared_ptr<const Platform> find_platform(const Context& context, const std::string& name) {
    const auto catalog = load_catalog(context);
    if (auto found = catalog.find(name)) return found;
    std::vector<std::string> names;
    for (const auto& known : catalog.all()) names.push_back(known->name);
    const auto near = nearest(name, names);
    throw Error{
        Fault::missing, fmt::format("there is no platform '{}'", name),
        near ? fmt::format("Did you mean '{}'?", *near) : fmt::format("Known are: {}.", fmt::join(names, ", "))};
}

std::string days_text(std::chrono::days days) {
    return fmt::format("{}d", days.count());
}

std::string zone_text(const Platform& platform) {
    return platform.day.zone ? platform.day.zone->name()
                             : fmt::format("the account's '{}'", platform.day.zone_attribute);
}

std::string window_text(const Request& request) {
    switch (request.window) {
        case Request::Window::now:
            return "now";
        case Request::Window::day:
            return "one day";
        case Request::Window::range:
            break;
    }
    return fmt::format("up to {}", days_text(request.window_days));
}

Json optional_text(const std::string& text) {
    return text.empty() ? Json{} : Json(text);
}
Json optional_day(const std::optional<Day>& day) {
    return day ? Json(render_day(*day)) : Json{};
}

Json summary_of(const Platform& platform) {
    return {{"platform", platform.name},
            {"title", platform.title},
            {"source", platform.source},
            {"api_version", optional_text(platform.api.version)},
            {"base_url", platform.api.base_url},
            {"day_zone", platform.day.zone ? Json(platform.day.zone->name()) : Json{}},
            {"final_after_seconds", std::chrono::duration_cast<std::chrono::seconds>(platform.day.final_after).count()},
            {"history_days", platform.day.history.count()},
            {"requests", platform.requests.size()},
            {"metrics", platform.metrics.size()}};
}

Json details_of(const Platform& platform) {
    auto json = summary_of(platform);
    json["requests"] = Json::array();
    for (const auto& request : platform.requests)
        json["requests"].push_back({{"name", request.name},
                                    {"every", request.every == Request::Every::slot ? "slot" : "day"},
                                    {"window", window_text(request)},
                                    {"history_days", request.history.count()},
                                    {"final_after", render_duration(request.final_after)},
                                    {"metrics", request.metrics}});
    json["metrics"] = Json::array();
    for (const auto& metric : platform.metrics)
        json["metrics"].push_back({{"name", metric.name},
                                   {"unit", metric.unit},
                                   {"additive", metric.additive},
                                   {"optional", metric.optional},
                                   {"replaces", optional_text(metric.replaces)},
                                   {"replaced_by", optional_text(metric.replaced_by)},
                                   {"since", optional_day(metric.since)},
                                   {"until", optional_day(metric.until)}});
    json["limits"] = Json::array();
    for (const auto& limit : platform.limits)
        json["limits"].push_back({{"name", limit.name},
                                  {"scope", platform::to_text(limit.scope)},
                                  {"requests", limit.requests},
                                  {"per", render_duration(limit.per)}});
    return json;
}

void print_requests(Context& context, const Platform& platform) {
    auto table = make_table(context, {{"REQUEST"}, {"EVERY"}, {"WINDOW"}, {"FINAL AFTER", true}, {"METRICS"}});
    for (const auto& request : platform.requests)
        table.add({request.name, request.every == Request::Every::slot ? "slot" : "day", window_text(request),
                   request.window == Request::Window::now ? "" : render_duration(request.final_after),
                   fmt::format("{}", fmt::join(request.metrics, ", "))});
    table.finish();
}

void print_metrics(Context& context, const Platform& platform) {
    auto table = make_table(context, {{"METRIC"}, {"UNIT"}, {"ADDITIVE"}, {"REPLACES"}, {"SINCE"}, {"UNTIL"}});
    for (const auto& metric : platform.metrics)
        table.add({metric.name, metric.unit, metric.additive ? "yes" : "no", metric.replaces,
                   metric.since ? render_day(*metric.since) : "", metric.until ? render_day(*metric.until) : ""});
    table.finish();
}

}  // namespace

int list_platforms(Context& context, const Arguments&) {
    const auto catalog = load_catalog(context);
    if (context.json) {
        auto list = Json::array();
        for (const auto& platform : catalog.all()) list.push_back(summary_of(*platform));
        context.print(list);
        return kExitDone;
    }
    auto table = make_table(
        context, {{"PLATFORM"}, {"TITLE"}, {"SOURCE"}, {"API"}, {"REQUESTS", true}, {"METRICS", true}, {"DAY"}});
    for (const auto& platform : catalog.all())
        table.add({platform->name, platform->title, platform->source, platform->api.version,
                   std::to_string(platform->requests.size()), std::to_string(platform->metrics.size()),
                   zone_text(*platform)});
    table.finish();
    return kExitDone;
}

int show_platform(Context& context, const Arguments& arguments) {
    const auto platform = find_platform(context, arguments.at("NAME"));
    if (context.json) {
        context.print(details_of(*platform));
        return kExitDone;
    }
    const Json head{{"platform", fmt::format("{} ({})", platform->name, platform->title)},
                    {"source", platform->source},
                    {"api", fmt::format("{} {}", platform->api.base_url, platform->api.version)},
                    {"day", zone_text(*platform)},
                    {"final after", render_duration(platform->day.final_after)},
                    {"history", days_text(platform->day.history)}};
    print_members(context, head, {"platform", "source", "api", "day", "final after", "history"});
    for (const auto& limit : platform->limits)
        context.console.out(fmt::format("{:<11}  {} requests per {} and {}\n", "limit", limit.requests,
                                        render_duration(limit.per), platform::to_text(limit.scope)));
    context.console.out("\n");
    print_requests(context, *platform);
    context.console.out("\n");
    print_metrics(context, *platform);
    return kExitDone;
}

namespace {

/// Asks the live API, through the daemon, which has the token.
int check_live(Context& context, const std::string& platform, const std::string& connection) {
    const auto slash = connection.rfind('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == connection.size())
        throw Error{Fault::usage, fmt::format("--connection: not a connection: '{}'", connection),
                    "Write USER/ACCOUNT, as 'tallyctl connection list' shows them."};
    const ConnectionName name{
        .user = connection.substr(0, slash), .platform = platform, .account = connection.substr(slash + 1)};
    context.daemon().set_timeout(kLiveCheckTimeout);
    context.console.progress(fmt::format("asking {} for every metric …", printable(platform)));
    const auto answer = context.daemon().request("POST", name.path("check-metrics"));
    context.console.end_progress();
    const auto& metrics = member(member(answer, "data"), "metrics");
    std::size_t refused = 0, unexpected = 0;
    auto table = make_table(context, {{"REQUEST"}, {"METRIC"}, {"RESULT"}, {"REPLACED BY"}, {"WHY"}});
    for (const auto& metric : metrics) {
        const bool is_refused = text_of(metric, "result") == "refused";
        refused += is_refused ? 1U : 0U;
        unexpected += is_refused && !flag_of(metric, "optional") ? 1U : 0U;
        const auto code = text_of(metric, "code"), message = text_of(metric, "message");
        table.add({text_of(metric, "request"), text_of(metric, "metric"), text_of(metric, "result"),
                   text_of(metric, "replaced_by"), is_refused ? fmt::format("{}: {}", code, message) : ""});
    }
    if (context.json)
        context.print(member(answer, "data"));
    else
        table.finish();
    if (unexpected == 0) return kExitDone;
    return refused == metrics.size() ? kExitFailed : kExitPartly;
}

}  // namespace

int check_platform(Context& context, const Arguments& arguments) {
    const auto name = arguments.find("NAME");
    const auto file = arguments.find("file");
    if (const auto connection = arguments.find("connection")) {
        if (!name) throw Error{Fault::usage, "--connection needs the NAME of the platform"};
        return check_live(context, *name, *connection);
    }
    if (name && file) throw Error{Fault::usage, "NAME and --file do not go together", "Give one of them."};
    std::vector<std::string> checked;
    if (file) {
        checked.push_back(platform::load_platform(YamlNode::load(*file)).name);
        if (const auto stem = std::filesystem::path{*file}.stem().string(); stem != checked.front())
            context.console.say(
                fmt::format("warning: to be loaded, this file must be called '{}.yaml'", checked.front()));
    } else if (name) {
        checked.push_back(find_platform(context, *name)->name);
    } else {
        for (const auto& platform : load_catalog(context).all()) checked.push_back(platform->name);
    }
    if (context.json) {
        context.print({{"ok", true}, {"platforms", checked}});
        return kExitDone;
    }
    if (checked.empty()) context.console.say("there are no platform files");
    for (const auto& platform : checked) context.console.out(fmt::format("{}: ok\n", platform));
    return kExitDone;
}

}  // namespace tally::cli
