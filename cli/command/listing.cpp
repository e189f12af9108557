// SPDX-License-Identifier: Apache-2.0
// Columns of connections and jobs.
#include "cli/command/listing.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tally::cli {

TextTable make_table(Context& context, std::vector<Column> columns) {
    auto& console = context.console;
    return TextTable{std::move(columns), console.palette(), [&console](std::string_view text) { console.out(text); }};
}

void print_members(Context& context, const Json& object, const std::vector<std::string_view>& names) {
    std::size_t width = 0;
    for (const auto name : names) width = std::max(width, name.size());
    for (const auto name : names) {
        const auto value = text_of(object, name);
        if (!value.empty()) context.console.out(fmt::format("{:<{}}  {}\n", name, width, printable(value)));
    }
}

TextTable make_connection_table(Context& context) {
    return make_table(context,
                      {{"USER"}, {"PLATFORM"}, {"ACCOUNT"}, {"STATE"}, {"NEXT DUE"}, {"LAST RUN"}, {"REASON"}});
}

void add_connection_row(TextTable& table, const Json& connection) {
    const auto state = text_of(connection, "state");
    const auto& last = member(connection, "last_run");
    const auto last_run =
        last.is_object() ? fmt::format("{} {}", text_of(last, "state"), text_of(last, "finished_at")) : "";
    const auto reason = text_of(connection, "state_reason");
    table.add({text_of(connection, "user_id"), text_of(connection, "platform"), text_of(connection, "account_id"),
               state, text_of(connection, "next_due_at"), last_run, reason.empty() ? text_of(last, "error") : reason},
              tone_of_state(state));
}

TextTable make_job_table(Context& context) {
    return make_table(context, {{"ID", true},
                                {"STARTED"},
                                {"USER"},
                                {"PLATFORM"},
                                {"ACCOUNT"},
                                {"TRIGGER"},
                                {"STATE"},
                                {"REQUESTS", true},
                                {"WRITTEN", true},
                                {"CHANGED", true},
                                {"ERROR"}});
}

void add_job_row(TextTable& table, const Json& job) {
    const auto state = text_of(job, "state");
    table.add({text_of(job, "id"), text_of(job, "started_at"), text_of(job, "user_id"), text_of(job, "platform"),
               text_of(job, "account_id"), text_of(job, "trigger"), state, text_of(job, "requests"),
               text_of(job, "rows_written"), text_of(job, "rows_changed"), text_of(job, "error")},
              tone_of_state(state));
}

Tone tone_of_state(std::string_view state) noexcept {
    if (state == "failed" || state == "gone" || state == "needs_authorization") return Tone::bad;
    if (state == "partial" || state == "paused") return Tone::warning;
    return Tone::plain;
}

}  // namespace tally::cli
