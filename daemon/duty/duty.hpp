// SPDX-License-Identifier: Apache-2.0
// The duties of the daemon: what is done now and then beside collecting, each by one node at a time.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.hpp"

namespace tally::duty {

class Work;

/// What a duty did.
struct Done {
    std::string words;    ///< for people, such as "deleted 1,200 numbers"
    bool changed = true;  ///< whether there was anything to do
    /// Come back so soon, when the next regular time is later: something was in the way, or others should go between.
    std::optional<std::chrono::seconds> again = std::nullopt;
};

/// One row of the table of duties. Doing one twice, or half and then whole, is harmless.
struct Duty {
    std::string_view name;
    std::string_view about;    ///< one line for people
    std::string_view cron;     ///< its regular times, UTC
    bool at_once;              ///< in a new database it does not wait for its first time
    Done (*carry_out)(Work&);  ///< blocking
};

/// All duties, in the order of their names.
std::span<const Duty> duties();
std::vector<std::string> duty_names();

/// @throws Error (missing) that names those there are
const Duty& find_duty(std::string_view name);

/// The first regular time after `at`.
Instant next_time(const Duty& duty, Instant at);

// What they do, a file each.
Done tell_alerts(Work& work);       ///< what is wrong, to whom the configuration says
Done analyze(Work& work);           ///< statistics where autovacuum does not come by
Done clean_up(Work& work);          ///< nodes and budgets that are long over
Done trim_history(Work& work);      ///< runs and what goes with them
Done describe_metrics(Work& work);  ///< units and sums, from the platform files
Done make_partitions(Work& work);   ///< ahead of their first row
Done check_quality(Work& work);     ///< counters that are not as they were, as alerts
Done build_reports(Work& work);     ///< of the week that is over
/// The same for as long as `slice`, a user's report at least being ended when it is over.
Done build_reports_for(Work& work, std::chrono::steady_clock::duration slice);
Done keep_retention(Work& work);    ///< numbers older than their tier keeps them
Done follow_schedules(Work& work);  ///< slots of tiers whose schedule is another one now

}  // namespace tally::duty
