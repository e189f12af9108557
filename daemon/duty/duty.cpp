// SPDX-License-Identifier: Apache-2.0
// The table of duties.
#include "daemon/duty/duty.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "common/error.hpp"
#include "daemon/schedule/schedule.hpp"

namespace tally::duty {

namespace {

/// At minutes when no quarter of an hour begins: the collections of premium tiers come first.
constexpr std::array kDuties{
    Duty{.name = "alerts",
         .about = "looks for trouble and puts what is to be told into the outbox",
         .cron = "* * * * *",
         .at_once = false,
         .carry_out = tell_alerts},
    Duty{.name = "analyze",
         .about = "statistics for the planner, where autovacuum does not come by",
         .cron = "25 * * * *",
         .at_once = false,
         .carry_out = analyze},
    Duty{.name = "cleanup",
         .about = "forgets nodes and spent budgets that are long over",
         .cron = "10 * * * *",
         .at_once = false,
         .carry_out = clean_up},
    Duty{.name = "history",
         .about = "drops the log of runs that is older than history.runs",
         .cron = "5 4 * * *",
         .at_once = false,
         .carry_out = trim_history},
    Duty{.name = "metrics",
         .about = "tells readers of the table what the platform files say of each metric",
         .cron = "50 * * * *",
         .at_once = true,
         .carry_out = describe_metrics},
    Duty{.name = "partitions",
         .about = "makes the partitions of the coming days and months",
         .cron = "40 * * * *",
         .at_once = true,
         .carry_out = make_partitions},
    Duty{.name = "quality",
         .about = "looks for counters that fell to zero or jumped far outside their history",
         .cron = "20 7 * * *",
         .at_once = false,
         .carry_out = check_quality},
    Duty{.name = "reports",
         .about = "builds the reports of the week that is over, and puts them into the outbox",
         .cron = "17,47 * * * *",
         .at_once = false,
         .carry_out = build_reports},
    Duty{.name = "retention",
         .about = "deletes numbers that are older than their tier keeps them",
         .cron = "30 3 * * *",
         .at_once = false,
         .carry_out = keep_retention},
    Duty{.name = "schedules",
         .about = "plans the slots of tiers anew whose schedule was changed",
         .cron = "55 * * * *",
         .at_once = true,
         .carry_out = follow_schedules},
};

}  // namespace

std::span<const Duty> duties() {
    return kDuties;
}

std::vector<std::string> duty_names() {
    std::vector<std::string> names;
    for (const auto& duty : kDuties) names.emplace_back(duty.name);
    return names;
}

const Duty& find_duty(std::string_view name) {
    const auto* found =
        std::find_if(kDuties.begin(), kDuties.end(), [&](const Duty& duty) { return duty.name == name; });
    if (found == kDuties.end())
        throw Error(Fault::missing, fmt::format("there is no duty '{}'", name),
                    fmt::format("Known: {}.", fmt::join(duty_names(), ", ")));
    return *found;
}

Instant next_time(const Duty& duty, Instant at) {
    const schedule::Schedule times{schedule::CronIn{config::Cron::parse(duty.cron), TimeZone::utc()}};
    return schedule::next_slot(times, std::chrono::seconds{0}, std::nullopt, at);
}

}  // namespace tally::duty
