// SPDX-License-Identifier: Apache-2.0
// tallyctl connection
#include <fmt/format.h>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/connection_name.hpp"
#include "cli/context.hpp"
#include "cli/token_input.hpp"
#include "common/error.hpp"

namespace tally::cli {

namespace {

/// Sends a request that changes the connection and says what happened.
int change(Context& context, const Arguments& arguments, const char* method, const std::string& action,
           std::string_view done) {
    const auto connection = read_connection(context, arguments);
    const auto answer = context.daemon().request(method, connection.path(action));
    if (context.json) context.print(member(answer, "data"));
    context.console.say(fmt::format("connection '{}' {}", printable(connection.text()), done));
    return kExitDone;
}

}  // namespace

int add_connection(Context& context, const Arguments& arguments) {
    const auto connection = read_connection(context, arguments);
    const auto token = read_token(context.console, arguments);
    const auto answer = context.daemon().request("PUT", connection.path(), render_token_body(token));
    if (context.json) context.print(member(answer, "data"));
    context.console.say(fmt::format("connection '{}' is registered", printable(connection.text())));
    return kExitDone;
}

int list_connections(Context& context, const Arguments& arguments) {
    Context::Query query;
    for (const auto* name : {"user", "platform", "state"}) query.emplace_back(name, arguments.find(name).value_or(""));
    const auto path = api_path({"connections"});
    if (context.json) {
        context.print_all(path, query, "connections");
        return kExitDone;
    }
    auto table = make_connection_table(context);
    context.each(path, query, "connections", [&](const Json& connection) { add_connection_row(table, connection); });
    table.finish();
    return kExitDone;
}

int show_connection(Context& context, const Arguments& arguments) {
    const auto connection = context.daemon().get(read_connection(context, arguments).path());
    if (context.json) {
        context.print(connection);
        return kExitDone;
    }
    print_members(context, connection,
                  {"user_id", "platform", "account_id", "connection_id", "state", "state_reason", "state_since",
                   "attributes", "expires_at", "next_due_at", "created_at"});
    if (const auto& last = member(connection, "last_run"); last.is_object()) {
        context.console.out("\nlast run\n");
        print_members(context, last,
                      {"id", "slot_at", "started_at", "finished_at", "trigger", "state", "requests", "rows_written",
                       "rows_changed", "error"});
    }
    return kExitDone;
}

int check_connection(Context& context, const Arguments& arguments) {
    const auto connection = read_connection(context, arguments);
    const auto answer = context.daemon().request("POST", connection.path("check"));
    const auto& data = member(answer, "data");
    const bool ok = flag_of(data, "ok");
    if (context.json) {
        context.print(data);
    } else {
        const auto message = text_of(data, "message");
        context.console.out(printable(fmt::format("{}: {}{}{}", connection.text(), ok ? "ok" : text_of(data, "outcome"),
                                                  message.empty() ? "" : ": ", message)) +
                            "\n");
    }
    return ok ? kExitDone : kExitFailed;
}

int pause_connection(Context& context, const Arguments& arguments) {
    return change(context, arguments, "POST", "pause", "is paused");
}

int resume_connection(Context& context, const Arguments& arguments) {
    return change(context, arguments, "POST", "resume", "is collected again");
}

int remove_connection(Context& context, const Arguments& arguments) {
    return change(context, arguments, "DELETE", "", "is not collected any more; the numbers stay");
}

}  // namespace tally::cli
