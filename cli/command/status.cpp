// SPDX-License-Identifier: Apache-2.0
// tallyctl status
#include <chrono>

#include "cli/command/handlers.hpp"
#include "cli/context.hpp"
#include "cli/status_page.hpp"
#include "cli/watch_screen.hpp"
#include "common/error.hpp"
#include "common/time.hpp"

namespace tally::cli {

namespace {

constexpr std::chrono::seconds kWatchInterval{2};
constexpr std::chrono::seconds kWatchPatience{10};

Json ask_status(Context& context) {
    return context.daemon().get(api_path({"status"}));
}

/// One round of --watch as a page, or with JSON as a line: a daemon that restarts meanwhile is shown as down and waited
/// for.
std::string watch_once(Context& context) {
    try {
        const auto status = ask_status(context);
        if (context.json) return status.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
        return render_status(status, now(), context.console.palette());
    } catch (const Error& error) {
        if (error.fault() != Fault::unreachable && error.fault() != Fault::temporary) throw;
        if (!context.json) return describe(error) + "\n";
        const Json line{{"error", {{"message", error.what()}, {"hint", error.hint()}}}};
        return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
}

}  // namespace

int show_status(Context& context, const Arguments& arguments) {
    if (!arguments.has("watch")) {
        const auto status = ask_status(context);
        if (context.json)
            context.print(status);
        else
            context.console.out(render_status(status, now(), context.console.palette()));
        return kExitDone;
    }
    context.daemon().set_timeout(kWatchPatience);
    auto page = watch_once(context);  // a configuration that is wrong is said without another screen
    WatchScreen screen{context.console, !context.json};
    for (;;) {
        screen.show(page);
        screen.wait(kWatchInterval);
        page = watch_once(context);
    }
}

}  // namespace tally::cli
