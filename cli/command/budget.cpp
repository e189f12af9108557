// SPDX-License-Identifier: Apache-2.0
// tallyctl budget
#include <fmt/format.h>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/context.hpp"
#include "common/counted.hpp"

namespace tally::cli {

namespace {

std::string count_of(const Json& object, std::string_view name) {
    return member(object, name).is_number() ? with_separators(number_of(object, name)) : "";
}

std::string when(const Json& object, std::string_view name, Instant now) {
    return render_when(text_of(object, name), now);
}

std::string allowed_text(const Json& budget) {
    const auto& per = member(budget, "per_seconds");
    if (!per.is_number()) return "";
    const std::chrono::milliseconds time{static_cast<std::int64_t>(per.get<double>() * 1000)};
    return fmt::format("{} per {}", count_of(budget, "allowed"), render_duration(time));
}

Tone tone_of(const Json& budget) {
    if (!text_of(budget, "blocked_until").empty()) return Tone::warning;
    return text_of(budget, "empty_at").empty() ? Tone::plain : Tone::bad;
}

void print_budgets(Context& context, const Json& budgets, Instant at) {
    auto table = make_table(context, {{"PLATFORM"},
                                      {"LIMIT"},
                                      {"SCOPE"},
                                      {"KEY"},
                                      {"ALLOWED", true},
                                      {"USED", true},
                                      {"RESERVED", true},
                                      {"WINDOW ENDS"},
                                      {"EMPTY"},
                                      {"NOTE"}});
    for (const auto& budget : budgets) {
        const auto until = text_of(budget, "blocked_until");
        std::string note;
        if (!until.empty())
            note = fmt::format("waits until {} ({}): {}", until, render_when(until, at), text_of(budget, "reason"));
        else if (!member(budget, "used").is_number())
            note = "a pace, kept by each node";
        const auto limit = text_of(budget, "limit");
        table.add({text_of(budget, "platform"), limit.empty() ? "(told to wait)" : limit, text_of(budget, "scope"),
                   text_of(budget, "key"), allowed_text(budget), count_of(budget, "used"), count_of(budget, "reserved"),
                   when(budget, "window_end", at), when(budget, "empty_at", at), note},
                  tone_of(budget));
    }
    table.finish();
}

void print_spenders(Context& context, const Json& spenders) {
    context.console.out("\n");
    auto table = make_table(context, {{"PLATFORM"}, {"SINCE"}, {"USER"}, {"REQUESTS", true}});
    for (const auto& spender : spenders) {
        for (const auto& user : member(spender, "users"))
            table.add({text_of(spender, "platform"), text_of(spender, "since"), text_of(user, "user_id"),
                       count_of(user, "requests")});
    }
    table.finish();
}

}  // namespace

int show_budget(Context& context, const Arguments& arguments) {
    const auto data = context.daemon().get(
        with_query(api_path({"budgets"}), {{"platform", arguments.find("platform").value_or("")}}));
    if (context.json) {
        context.print(data);
        return kExitDone;
    }
    const auto &budgets = member(data, "budgets"), &spenders = member(data, "spenders");
    if (budgets.empty())
        context.console.say("no limit is declared, and nobody was told to wait");
    else
        print_budgets(context, budgets, now());
    if (!spenders.empty()) print_spenders(context, spenders);
    return kExitDone;
}

}  // namespace tally::cli
