// SPDX-License-Identifier: Apache-2.0
// tallyctl user
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iostream>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/context.hpp"
#include "cli/line_chunks.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"

namespace tally::cli {

namespace {

constexpr std::size_t kChunkLimit = 512U << 10U;
constexpr std::chrono::minutes kChunkTimeout{2};  // thousands of tokens to seal and to store

Json read_changes(const Arguments& arguments) {
    Json changes = Json::object();
    for (const auto* name : {"tier", "zone"}) {
        if (auto value = arguments.find(name)) changes[name] = std::move(*value);
    }
    if (auto address = arguments.find("report-to")) changes["report_to"] = std::move(*address);
    return changes;
}

int put_user(Context& context, const Arguments& arguments, const char* create, std::string_view done) {
    const auto& user = arguments.at("USER");
    const auto body = read_changes(arguments).dump(-1, ' ', false, Json::error_handler_t::replace);
    const auto answer =
        context.daemon().request("PUT", with_query(api_path({"users", user}), {{"create", create}}), Secret{body});
    if (context.json) context.print(member(answer, "data"));
    context.console.say(fmt::format("user '{}' is {}", printable(user), done));
    return kExitDone;
}

/// What an import has done so far.
struct Imported {
    std::int64_t users = 0, connections = 0;
    Json refused = Json::array();

    void refuse(Context& context, std::uint64_t line, const std::string& message) {
        if (!context.json) context.console.say(fmt::format("line {}: {}", line, printable(message)));
        refused.push_back({{"line", line}, {"message", message}});
    }
};

void send_chunk(Context& context, const LineChunk& chunk, Imported& imported) {
    const auto path = api_path({"users", "import"});
    if (!chunk.text.empty()) {
        Json answer;
        try {
            answer = context.daemon().request("POST", path, Secret{chunk.text}, "application/x-ndjson");
        } catch (const Error& error) {
            const Error stopped{error.fault(),
                                fmt::format("stopped at line {}; the lines before it are imported", chunk.first_line),
                                error.hint().empty() ? "Importing the whole file again is harmless." : error.hint()};
            std::throw_with_nested(stopped);
        }
        const auto& data = member(answer, "data");
        imported.users += number_of(data, "users");
        imported.connections += number_of(data, "connections");
        for (const auto& refused : member(data, "refused")) {
            const auto line = chunk.first_line +
                              static_cast<std::uint64_t>(std::max<std::int64_t>(1, number_of(refused, "line"))) - 1;
            imported.refuse(context, line, text_of(refused, "message"));
        }
    }
    for (const auto line : chunk.too_long)
        imported.refuse(context, line, fmt::format("longer than {} KiB", kChunkLimit >> 10U));
}

}  // namespace

int add_user(Context& context, const Arguments& arguments) {
    return put_user(context, arguments, "only", "registered");
}

int set_user(Context& context, const Arguments& arguments) {
    if (!arguments.has("tier") && !arguments.has("zone") && !arguments.has("report-to"))
        throw Error{Fault::usage, "nothing to change", "Give --tier, --zone or --report-to."};
    return put_user(context, arguments, "never", "changed");
}

int list_users(Context& context, const Arguments& arguments) {
    const Context::Query query{{"tier", arguments.find("tier").value_or("")}};
    if (context.json) {
        context.print_all(api_path({"users"}), query, "users");
        return kExitDone;
    }
    auto table = make_table(context, {{"USER"}, {"TIER"}, {"ZONE"}, {"STATE"}, {"CONNECTIONS", true}, {"SINCE"}});
    context.each(api_path({"users"}), query, "users", [&](const Json& user) {
        table.add({text_of(user, "id"), text_of(user, "tier"), text_of(user, "zone"), text_of(user, "state"),
                   text_of(user, "connections"), text_of(user, "created_at")});
    });
    table.finish();
    return kExitDone;
}

int show_user(Context& context, const Arguments& arguments) {
    const auto user = context.daemon().get(api_path({"users", arguments.at("USER")}));
    if (context.json) {
        context.print(user);
        return kExitDone;
    }
    print_members(context, user, {"id", "tier", "zone", "report_to", "state", "created_at"});
    const auto& connections = member(user, "connections");
    if (!connections.is_array() || connections.empty()) {
        context.console.say("no connections");
        return kExitDone;
    }
    context.console.out("\n");
    auto table = make_connection_table(context);
    for (const auto& connection : connections) add_connection_row(table, connection);
    table.finish();
    return kExitDone;
}

int remove_user(Context& context, const Arguments& arguments) {
    const auto& user = arguments.at("USER");
    const auto answer = context.daemon().request("DELETE", api_path({"users", user}));
    if (context.json) context.print(member(answer, "data"));
    context.console.say(fmt::format("user '{}' is not collected any more; the numbers stay", printable(user)));
    return kExitDone;
}

int import_users(Context& context, const Arguments& arguments) {
    const auto& name = arguments.at("FILE");
    std::ifstream file;
    if (name != "-") {
        file.open(name, std::ios::binary);
        if (!file)
            throw Error{Fault::usage, fmt::format("cannot read '{}'", name), "Is the name right, and may you read it?"};
    }
    auto& in = name == "-" ? std::cin : static_cast<std::istream&>(file);
    context.daemon().set_timeout(kChunkTimeout);
    LineChunks chunks{in, kChunkLimit};
    Imported imported;
    while (const auto chunk = chunks.next()) {
        send_chunk(context, *chunk, imported);
        context.console.progress(fmt::format(
            "line {}: {} users, {} connections, {} lines refused",
            with_separators(static_cast<std::int64_t>(chunk->first_line + chunk->lines)),
            with_separators(imported.users), with_separators(imported.connections), imported.refused.size()));
    }
    context.console.end_progress();
    if (in.bad()) throw Error{Fault::failed, fmt::format("cannot read '{}' to its end", name)};
    if (context.json)
        context.print(
            {{"users", imported.users}, {"connections", imported.connections}, {"refused", imported.refused}});
    context.console.say(fmt::format("{} users and {} connections imported, {} lines refused",
                                    with_separators(imported.users), with_separators(imported.connections),
                                    imported.refused.size()));
    if (imported.refused.empty()) return kExitDone;
    return imported.users == 0 ? kExitFailed : kExitPartly;
}

}  // namespace tally::cli
