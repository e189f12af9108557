// SPDX-License-Identifier: Apache-2.0
// tallyctl status
#include <chrono>
#include <thread>

#include "cli/command/handlers.hpp"
#include "cli/context.hpp"
#include "cli/status_page.hpp"
#include "common/error.hpp"
#include "common/time.hpp"

namespace tally::cli {

namespace {

constexpr std::chrono::seconds kWatchInterval{2};

void show_once(Context& context) {
    const auto status = context.daemon().get(api_path({"status"}));
    if (context.json)
        context.print(status);
    else
        context.console.out(render_status(status, now(), context.console.palette()));
}

/// One round of --watch: a daemon that restarts meanwhile is shown as down and waited for.
void watch_once(Context& context) {
    auto& console = context.console;
    if (console.out_is_terminal()) console.out("\x1b[H\x1b[2J");
    try {
        show_once(context);
    } catch (const Error& error) {
        if (error.fault() != Fault::unreachable && error.fault() != Fault::temporary) throw;
        console.out(describe(error) + "\n");
    }
    console.flush();
}

}  // namespace

int show_status(Context& context, const Arguments& arguments) {
    if (!arguments.has("watch")) {
        show_once(context);
        return kExitDone;
    }
    for (;;) {
        watch_once(context);
        std::this_thread::sleep_for(kWatchInterval);
    }
}

}  // namespace tally::cli
