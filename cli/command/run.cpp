// SPDX-License-Identifier: Apache-2.0
// tallyctl run
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/command/handlers.hpp"
#include "cli/context.hpp"
#include "cli/dates.hpp"
#include "cli/interrupt.hpp"
#include "cli/run_progress.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"
#include "common/time_zone.hpp"

namespace tally::cli {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kFirstPoll{200}, kSlowestPoll{1'000}, kLineInterval{5'000};

Json read_request(const Arguments& arguments) {
    Json request = Json::object();
    for (const auto* name : {"user", "platform", "account"}) {
        if (auto value = arguments.find(name)) request[name] = std::move(*value);
    }
    const auto dates = read_dates(arguments, TimeZone::utc().day_of(now()));
    if (dates.from) request["from"] = render_day(*dates.from);
    if (dates.to) request["to"] = render_day(*dates.to);
    return request;
}

Json post(Context& context, const Json& request) {
    const auto body = request.dump(-1, ' ', false, Json::error_handler_t::replace);
    return context.daemon().request("POST", api_path({"analytics", "trigger-collection"}), Secret{body});
}

std::string days_of(const Json& request) {
    const auto from = text_of(request, "from"), to = text_of(request, "to");
    if (from.empty() && to.empty()) return "now";
    return from == to ? from : fmt::format("{} to {}", from, to);
}

std::string limit_text(const Json& limit, Instant at) {
    const auto key = text_of(limit, "key");
    const std::chrono::milliseconds per{static_cast<std::int64_t>(member(limit, "per_seconds").get<double>() * 1000)};
    auto text = fmt::format("    limit {} of {}{}: {} needed, ", text_of(limit, "limit"), key.empty() ? "each " : "",
                            text_of(limit, "scope") + (key.empty() ? "" : " " + key),
                            with_separators(number_of(limit, "needed")));
    if (!member(limit, "left").is_number()) {  // a pace: nothing of it is used up
        const auto time = per * number_of(limit, "needed") / std::max<std::int64_t>(1, number_of(limit, "allowed"));
        return text + fmt::format("at {} per {} no faster than {}", with_separators(number_of(limit, "allowed")),
                                  render_duration(per), render_span(std::chrono::ceil<std::chrono::seconds>(time)));
    }
    text += fmt::format("{} of {} per {} left, ", with_separators(number_of(limit, "left")),
                        with_separators(number_of(limit, "allowed")), render_duration(per));
    const auto fits_at = text_of(limit, "fits_at");
    return text + (fits_at.empty() ? "fits" : fmt::format("fits {} ({})", render_when(fits_at, at), fits_at));
}

/// What the plan takes of the limits, a block a platform.
void show_cost(Context& context, const Json& plan, Instant at) {
    const auto& list = member(plan, "cost");
    if (list.empty()) return;
    const bool truncated = flag_of(plan, "cost_truncated");
    context.console.out(truncated ? fmt::format("cost of the first {} connections\n",
                                                with_separators(number_of(plan, "cost_connections")))
                                  : "cost\n");
    for (const auto& cost : list) {
        const auto connections = number_of(cost, "connections"), requests = number_of(cost, "requests");
        context.console.out(printable(fmt::format("  {}: {}{} request{} for {} connection{}", text_of(cost, "platform"),
                                                  flag_of(cost, "at_least") ? "at least " : "",
                                                  with_separators(requests), requests == 1 ? "" : "s",
                                                  with_separators(connections), connections == 1 ? "" : "s")) +
                            "\n");
        for (const auto& limit : member(cost, "limits")) context.console.out(printable(limit_text(limit, at)) + "\n");
        if (const auto until = text_of(cost, "blocked_until"); !until.empty())
            context.console.out(printable(fmt::format("    nothing before {} ({}): {}", until, render_when(until, at),
                                                      text_of(cost, "reason"))) +
                                "\n");
    }
}

/// What the daemon leaves out of what was asked for.
void say_notes(Context& context, const Json& answer) {
    for (const auto& note : member(answer, "notes"))
        if (note.is_string()) context.console.say(printable(note.get<std::string>()));
}

int show_plan(Context& context, const Json& plan) {
    if (context.json) {
        context.print(plan);
        return kExitDone;
    }
    for (const auto& connection : member(plan, "connections")) {
        context.console.out(printable(fmt::format("{} {} {}", text_of(connection, "user_id"),
                                                  text_of(connection, "platform"), text_of(connection, "account_id"))) +
                            "\n");
        const auto& requests = member(connection, "requests");
        const auto note = text_of(connection, "note");
        if (!note.empty()) context.console.out(fmt::format("  cannot be planned: {}\n", printable(note)));
        if (requests.empty() && note.empty()) context.console.out("  nothing to ask\n");
        for (const auto& request : requests) {
            std::string metrics;
            for (const auto& metric : member(request, "metrics"))
                metrics +=
                    (metrics.empty() ? "" : ", ") + (metric.is_string() ? metric.get<std::string>() : metric.dump());
            context.console.out(
                printable(fmt::format("  {} ({}): {}", text_of(request, "request"), days_of(request), metrics)) + "\n");
        }
        if (const auto left = number_of(connection, "requests_left"); left > 0)
            context.console.out(fmt::format("  and {} more requests\n", with_separators(left)));
    }
    show_cost(context, plan, now());
    say_notes(context, plan);
    if (flag_of(plan, "truncated")) context.console.say("the plan is longer; only its beginning is shown");
    return kExitDone;
}

int finish(Context& context, const RunGroup& group, const Json& data, milliseconds elapsed) {
    context.console.end_progress();
    if (context.json)
        context.print(data);
    else
        context.console.out(render_summary(group, elapsed));
    return exit_code_of(group);
}

int wait_for(Context& context, const std::string& id) {
    auto& console = context.console;
    const InterruptWatch watch;
    const auto started = Clock::now();
    const auto path = api_path({"run-groups", id});
    auto next_line = started + kLineInterval;
    auto pause = kFirstPoll;
    for (;;) {
        const auto data = context.daemon().get(path);
        const auto group = read_run_group(data);
        const auto elapsed = std::chrono::duration_cast<milliseconds>(Clock::now() - started);
        if (group.finished()) return finish(context, group, data, elapsed);
        if (console.words_are_seen()) {
            console.progress(render_progress(group, elapsed, console.width()));
        } else if (Clock::now() >= next_line) {
            console.say(render_progress(group, elapsed, 0));
            next_line += kLineInterval;
        }
        if (!watch.interrupted()) std::this_thread::sleep_for(pause);
        if (watch.interrupted()) {
            console.say(fmt::format("the collection goes on without you; run group {}: {} of {} done", id, group.done(),
                                    group.total));
            return kExitInterrupted;
        }
        pause = std::min(pause * 3 / 2, kSlowestPoll);
    }
}

}  // namespace

int trigger_run(Context& context, const Arguments& arguments) {
    auto request = read_request(arguments);
    if (arguments.has("dry-run")) {
        request["dry_run"] = true;
        return show_plan(context, member(post(context, request), "data"));
    }
    const auto answer = post(context, request);
    const auto id = text_of(answer, "run_group");
    say_notes(context, answer);
    if (arguments.has("wait")) {
        context.console.say(fmt::format("collecting {} connections (run group {})",
                                        with_separators(number_of(answer, "connections")), printable(id)));
        return wait_for(context, id);
    }
    if (context.json) {
        context.print(answer);
        return kExitDone;
    }
    context.console.out(printable(id) + "\n");
    context.console.say(
        fmt::format("{} connections will be collected; follow with 'tallyctl job list' or 'tallyctl status'",
                    with_separators(number_of(answer, "connections"))));
    return kExitDone;
}

}  // namespace tally::cli
