// SPDX-License-Identifier: Apache-2.0
// tallyctl duty
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/context.hpp"
#include "cli/interrupt.hpp"
#include "common/error.hpp"

namespace tally::cli {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPoll{100}, kSlowestPoll{1'000};

std::string took_of(const Json& duty) {
    const auto& seconds = member(duty, "took_seconds");
    if (!seconds.is_number()) return {};
    const auto value = seconds.get<double>();
    return value < 10 ? fmt::format("{:.1f}s", value)
                      : render_span(std::chrono::seconds{static_cast<std::int64_t>(value)});
}

std::string result_of(const Json& duty) {
    const auto state = text_of(duty, "state"), error = text_of(duty, "error");
    if (state == "running")
        return fmt::format("running on {}{}", text_of(duty, "node"),
                           error.empty() ? "" : fmt::format("; failed before: {}", error));
    if (!error.empty()) return fmt::format("failed (attempt {}): {}", text_of(duty, "attempt"), error);
    return text_of(duty, "result");
}

/// The duty as it stands; null when the daemon does not know it any more.
Json find_duty(Context& context, const std::string& name) {
    const auto data = context.daemon().get(api_path({"duties"}));
    for (const auto& duty : member(data, "duties"))
        if (text_of(duty, "name") == name) return duty;
    return nullptr;
}

bool served(const Json& duty, Instant requested) {
    const auto started = parse_instant(text_of(duty, "last_start_at"));
    return started && *started >= requested;
}

int finish(Context& context, const Json& duty) {
    context.console.end_progress();
    const auto error = text_of(duty, "error");
    if (context.json) {
        context.print(duty);
    } else if (error.empty()) {
        context.console.out(printable(text_of(duty, "result")) + "\n");
    } else {
        context.console.say(printable(fmt::format("{} failed: {}; it is tried again {}", text_of(duty, "name"), error,
                                                  render_when(text_of(duty, "next_at"), now()))));
    }
    return error.empty() ? kExitDone : kExitFailed;
}

int wait_for(Context& context, const std::string& name, Instant requested) {
    const InterruptWatch watch;
    for (auto pause = kFirstPoll;; pause = std::min(pause * 3 / 2, kSlowestPoll)) {
        const auto duty = find_duty(context, name);
        if (duty.is_null()) throw Error(Fault::missing, fmt::format("tallyd knows no duty '{}' any more", name));
        if (served(duty, requested)) return finish(context, duty);
        const auto since = text_of(duty, "running_since");
        context.console.progress(since.empty() ? fmt::format("{} waits for a node", name)
                                               : fmt::format("{} began {}", name, render_when(since, now())));
        if (!watch.interrupted()) std::this_thread::sleep_for(pause);
        if (watch.interrupted()) {
            context.console.end_progress();
            context.console.say("the duty goes on without you; see 'tallyctl duty list'");
            return kExitInterrupted;
        }
    }
}

}  // namespace

int list_duties(Context& context, const Arguments&) {
    const auto data = context.daemon().get(api_path({"duties"}));
    const auto& duties = member(data, "duties");
    if (context.json) {
        context.print(duties);
        return kExitDone;
    }
    const auto at = now();
    auto table = make_table(context, {{"NAME"}, {"NEXT"}, {"LAST"}, {"TOOK", true}, {"RESULT"}});
    for (const auto& duty : duties)
        table.add({text_of(duty, "name"), render_when(text_of(duty, "next_at"), at),
                   render_when(text_of(duty, "last_end_at"), at), took_of(duty), result_of(duty)},
                  text_of(duty, "error").empty() ? Tone::plain : Tone::bad);
    table.finish();
    return kExitDone;
}

int run_duty(Context& context, const Arguments& arguments) {
    const auto& name = arguments.at("NAME");
    const auto answer = context.daemon().request("POST", api_path({"duties", name, "run"}));
    const auto& data = member(answer, "data");
    if (arguments.has("wait")) {
        const auto requested = parse_instant(text_of(data, "requested_at"));
        if (!requested) throw Error(Fault::internal, "tallyd does not say when it took the request");
        return wait_for(context, name, *requested);
    }
    if (context.json) {
        context.print(data);
        return kExitDone;
    }
    context.console.say(fmt::format("{} is done next; 'tallyctl duty list' shows what came of it", printable(name)));
    return kExitDone;
}

}  // namespace tally::cli
