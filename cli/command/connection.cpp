// SPDX-License-Identifier: Apache-2.0
// tallyctl connection
#include <fmt/format.h>

#include <chrono>
#include <iostream>
#include <thread>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/connection_name.hpp"
#include "cli/context.hpp"
#include "cli/interrupt.hpp"
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

Json login_body(const Arguments& arguments) {
    Json body = Json::object();
    for (const auto* name : {"login", "flow"}) {
        if (auto value = arguments.find(name)) body[name] = std::move(*value);
    }
    if (auto value = arguments.find("redirect-uri")) body["redirect_uri"] = std::move(*value);
    if (const auto with = arguments.all("with"); !with.empty()) body["with"] = with;
    if (const auto attributes = read_attributes(arguments); !attributes.empty()) body["attributes"] = attributes;
    return body;
}

Json post(Context& context, const std::string& path, const Json& body) {
    const Secret text{body.dump(-1, ' ', false, Json::error_handler_t::replace)};
    return member(context.daemon().request("POST", path, text), "data");
}

Json finish_with_code(Context& context, const std::string& path, Json body, const Json& begun) {
    auto& console = context.console;
    console.say("Open this address in a browser and log in as the owner of the account:\n");
    console.say("  " + printable(text_of(begun, "url")) + "\n");
    console.say(fmt::format("The browser ends at {}, which need not load. Paste its whole address, or the code in it:",
                            printable(text_of(begun, "redirect_uri"))));
    std::string pasted;
    if (!std::getline(std::cin, pasted))
        throw Error{Fault::usage, "nothing was pasted", "Run the command again and paste the address."};
    body["pasted"] = pasted;
    for (const auto* name : {"state", "verifier", "redirect_uri"}) body[name] = text_of(begun, name);
    return post(context, path, body);
}

Json finish_with_device(Context& context, const std::string& path, Json body, const Json& begun) {
    using Clock = std::chrono::steady_clock;
    auto& console = context.console;
    console.say(fmt::format("Open {} and enter the code {}", printable(text_of(begun, "url")),
                            printable(text_of(begun, "user_code"))));
    const InterruptWatch watch;
    const auto end = Clock::now() + std::chrono::seconds{number_of(begun, "expires_seconds")};
    std::chrono::seconds interval{number_of(begun, "interval_seconds")};
    body["device_code"] = text_of(begun, "device_code");
    while (Clock::now() < end && !watch.interrupted()) {
        console.progress("waiting for the login …");
        std::this_thread::sleep_for(interval);
        if (watch.interrupted()) break;
        auto answer = post(context, path, body);
        if (!flag_of(answer, "pending")) {
            console.end_progress();
            return answer;
        }
        if (flag_of(answer, "slow_down")) interval += std::chrono::seconds{5};
    }
    console.end_progress();
    throw Error{Fault::failed, watch.interrupted() ? "interrupted before the login" : "nobody logged in in time",
                "Run the command again for a new code."};
}

}  // namespace

int authorize_connection(Context& context, const Arguments& arguments) {
    const auto connection = read_connection(context, arguments);
    auto body = login_body(arguments);
    const auto begun = post(context, connection.path("login"), body);
    body["login"] = text_of(begun, "login");
    body["flow"] = text_of(begun, "flow");
    body["source"] = "tallyctl";
    const auto path = connection.path("login") + "/finish";
    const auto done = text_of(begun, "flow") == "device" ? finish_with_device(context, path, body, begun)
                                                         : finish_with_code(context, path, body, begun);
    if (context.json) context.print(member(done, "connection"));
    context.console.say(fmt::format("connection '{}' is authorized", printable(connection.text())));
    for (const auto& scope : member(done, "missing_scopes"))
        context.console.say(
            printable(fmt::format("warning: the scope '{}' was not granted: what needs it is not collected",
                                  scope.is_string() ? scope.get<std::string>() : scope.dump())));
    if (!flag_of(done, "renewable"))
        context.console.say(
            "warning: the platform gave no refresh token: somebody must log in again when this token ends");
    return kExitDone;
}

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

int explain_wait(Context& context, const Arguments& arguments) {
    const auto connection = read_connection(context, arguments);
    const auto answer = context.daemon().request("GET", connection.path("why"));
    const auto& told = member(answer, "data");
    if (context.json)
        context.print(told);
    else
        context.console.out(
            fmt::format("{}: {}\n", printable(connection.text()), printable(text_of(told, "sentence"))));
    return kExitDone;
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
