// SPDX-License-Identifier: Apache-2.0
// tallyctl alert
#include <fmt/format.h>

#include <algorithm>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/context.hpp"
#include "common/counted.hpp"

namespace tally::cli {

namespace {

/// Each channel has half a minute.
constexpr std::chrono::minutes kTestLimit{10};

std::string state_of(const Json& alert) {
    if (!text_of(alert, "resolved_at").empty()) return "over";
    return text_of(alert, "acked_at").empty() ? "open" : "acked";
}

}  // namespace

int list_alerts(Context& context, const Arguments& arguments) {
    const auto data =
        context.daemon().get(with_query(api_path({"alerts"}), {{"all", arguments.has("all") ? "true" : ""}}));
    const auto& alerts = member(data, "alerts");
    if (context.json) {
        context.print(alerts);
        return kExitDone;
    }
    if (alerts.empty()) {
        context.console.say(arguments.has("all") ? "there were no alerts"
                                                 : "no open alerts; --all shows those that are over");
        return kExitDone;
    }
    const auto at = now();
    auto table =
        make_table(context, {{"ID", true}, {"SINCE"}, {"STATE"}, {"KIND"}, {"SUBJECT"}, {"SEEN", true}, {"MESSAGE"}});
    for (const auto& alert : alerts) {
        const auto state = state_of(alert);
        table.add({text_of(alert, "id"), render_when(text_of(alert, "raised_at"), at), state, text_of(alert, "kind"),
                   text_of(alert, "subject"), with_separators(number_of(alert, "seen")), text_of(alert, "message")},
                  state == "open"    ? Tone::bad
                  : state == "acked" ? Tone::plain
                                     : Tone::faint);
    }
    table.finish();
    return kExitDone;
}

int ack_alert(Context& context, const Arguments& arguments) {
    const auto& id = arguments.at("ID");
    const auto answer = context.daemon().request("POST", api_path({"alerts", id, "ack"}));
    if (context.json) {
        context.print(member(answer, "data"));
        return kExitDone;
    }
    context.console.say(fmt::format(
        "alert {} is acknowledged: 'tallyctl status' leaves it out until its cause comes anew", printable(id)));
    return kExitDone;
}

int test_alerts(Context& context, const Arguments&) {
    context.daemon().set_timeout(kTestLimit);
    const auto answer = context.daemon().request("POST", "/api/health/test-alert");
    const auto& channels = member(answer, "channels");
    const auto delivered = static_cast<std::size_t>(std::count_if(
        channels.begin(), channels.end(), [](const Json& channel) { return text_of(channel, "error").empty(); }));
    if (context.json) {
        context.print(channels);
    } else {
        for (const auto& channel : channels) {
            const auto error = text_of(channel, "error");
            context.console.out(fmt::format("{}: {}\n", printable(text_of(channel, "name")),
                                            error.empty() ? "delivered" : "not delivered: " + printable(error)));
        }
        if (channels.empty()) context.console.say("no channels: name some under alerts.channels, see tallyd.yaml(5)");
    }
    if (delivered == channels.size()) return channels.empty() ? kExitFailed : kExitDone;
    return delivered == 0 ? kExitFailed : kExitPartly;
}

}  // namespace tally::cli
