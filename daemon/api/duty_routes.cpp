// SPDX-License-Identifier: Apache-2.0
// Duties over HTTP.
#include "daemon/api/duty_routes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/error.hpp"
#include "common/or_null.hpp"
#include "daemon/duty/duty.hpp"
#include "daemon/duty/duty_repository.hpp"

namespace tally::api {

namespace {

using nlohmann::json;

std::string_view state_of(const duty::DutyState& state) {
    if (!state.node.empty()) return "running";
    if (!state.last_error.empty()) return "failed";
    return state.last_end ? "done" : "waiting";
}

json duty_json(const duty::DutyState& state) {
    const auto& duty = duty::find_duty(state.name);
    return {{"name", state.name},
            {"about", duty.about},
            {"schedule", fmt::format("cron {}", duty.cron)},
            {"state", state_of(state)},
            {"next_at", render_instant(state.due_at)},
            {"attempt", state.attempt},
            {"node", or_null(state.node)},
            {"running_since", or_null(state.running_since)},
            {"last_start_at", or_null(state.last_start)},
            {"last_end_at", or_null(state.last_end)},
            {"took_seconds", or_null(state.took_seconds)},
            {"result", or_null(state.last_result)},
            {"error", or_null(state.last_error)}};
}

}  // namespace

std::string cron_trigger(std::string_view line) {
    // The largest unit first; the line has them the other way round, with the day of the week at its end.
    constexpr std::array<const char*, 5> kNames{"minute", "hour", "day", "month", "day_of_week"};
    constexpr std::array<std::size_t, 5> kOrder{3, 2, 4, 1, 0};
    std::array<std::string, 5> fields;
    std::istringstream words{std::string{line}};
    for (auto& field : fields) words >> field;
    std::vector<std::string> told;
    for (const auto i : kOrder)
        if (fields[i] != "*" || i == 0) told.push_back(fmt::format("{}='{}'", kNames[i], fields[i]));
    return fmt::format("cron[{}]", fmt::join(told, ", "));
}

std::string interval_trigger(std::chrono::seconds interval) {
    const auto days = std::chrono::floor<std::chrono::days>(interval);
    const std::chrono::hh_mm_ss clock{interval - days};
    std::string text;
    if (days.count() > 0) text = fmt::format("{} day{}, ", days.count(), days.count() == 1 ? "" : "s");
    return fmt::format("interval[{}{}:{:02}:{:02}]", text, clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count());
}

void DutyRoutes::add_to(Router& router) {
    router.add("GET", "/api/internal/duties", Access::guarded, [this](const Request&) { return list(); });
    router.add("POST", "/api/internal/duties/{name}/run", Access::guarded,
               [this](const Request& request) { return run(request); });
    router.add("GET", "/api/internal/analytics/scheduler-status", Access::guarded,
               [this](const Request&) { return scheduler_status(); });
}

DutyRoutes::Answer DutyRoutes::list() {
    auto work = [](postgres::Session& session) { return duty::DutyRepository{session}.list(); };
    json duties = json::array();
    for (const auto& state : co_await with_session(parts_, std::move(work))) duties.push_back(duty_json(state));
    co_return Response::data({{"duties", std::move(duties)}});
}

DutyRoutes::Answer DutyRoutes::run(const Request& request) {
    const std::string name{duty::find_duty(request.params.at("name")).name};
    auto work = [name](postgres::Session& session) { return duty::DutyRepository{session}.request(name); };
    const auto requested = co_await with_session(parts_, std::move(work));
    if (!requested) throw Error(Fault::temporary, fmt::format("the duty '{}' is not planned yet", name), "Try again.");
    runner_.wake();
    co_return Response::data({{"name", name}, {"requested_at", render_instant(*requested)}}, 202);
}

DutyRoutes::Answer DutyRoutes::scheduler_status() {
    auto work = [](postgres::Session& session) { return duty::DutyRepository{session}.list(); };
    const auto states = co_await with_session(parts_, std::move(work));
    const auto rules = parts_.dispatcher.rules();
    const auto at = now();
    json jobs = json::array();
    for (const auto& [name, tier] : rules->config.tiers) {
        const auto next = schedule::next_slot(rules->schedule_of(name), std::chrono::seconds{0}, std::nullopt, at);
        jobs.push_back({{"id", "tier-" + name},
                        {"name", fmt::format("collection for tier {}", name)},
                        {"next_run", next == schedule::kNoSlot ? json(nullptr) : json(render_instant(next))},
                        {"trigger", tier.is_external() ? "external"
                                    : tier.every       ? interval_trigger(*tier.every)
                                                       : cron_trigger(tier.cron.value_or(""))}});
    }
    for (const auto& state : states) {
        const auto& duty = duty::find_duty(state.name);
        jobs.push_back({{"id", "duty-" + state.name},
                        {"name", fmt::format("duty {}: {}", state.name, duty.about)},
                        {"next_run", render_instant(state.due_at)},
                        {"trigger", cron_trigger(duty.cron)}});
    }
    co_return Response::data(
        {{"status", parts_.dispatcher.draining() ? "draining" : "running"}, {"jobs", std::move(jobs)}});
}

}  // namespace tally::api
