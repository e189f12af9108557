// SPDX-License-Identifier: Apache-2.0
// tallyctl job
#include <fmt/format.h>

#include <charconv>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/context.hpp"
#include "common/error.hpp"

namespace tally::cli {

namespace {

std::string read_limit(const Arguments& arguments) {
    const auto text = arguments.find("limit").value_or("50");
    unsigned limit = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc{} || stop != text.data() + text.size() || limit == 0 || limit > 10'000)
        throw Error{Fault::usage, fmt::format("--limit: not a number from 1 to 10000: '{}'", text)};
    return text;
}

}  // namespace

int list_jobs(Context& context, const Arguments& arguments) {
    Context::Query query{{"limit", read_limit(arguments)}};
    for (const auto* name : {"user", "platform", "state"}) query.emplace_back(name, arguments.find(name).value_or(""));
    const auto data = context.daemon().get(with_query(api_path({"jobs"}), query));
    const auto& jobs = member(data, "jobs");
    if (context.json) {
        context.print(jobs);
        return kExitDone;
    }
    auto table = make_job_table(context);
    for (const auto& job : jobs) add_job_row(table, job);
    table.finish();
    return kExitDone;
}

int show_job(Context& context, const Arguments& arguments) {
    const auto job = context.daemon().get(api_path({"jobs", arguments.at("ID")}));
    if (context.json) {
        context.print(job);
        return kExitDone;
    }
    print_members(
        context, job,
        {"id", "user_id", "platform", "account_id", "trigger", "state", "slot_at", "started_at", "finished_at", "node",
         "attempt", "requests", "rows_written", "rows_changed", "error_class", "error"});
    return kExitDone;
}

}  // namespace tally::cli
