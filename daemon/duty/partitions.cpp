// SPDX-License-Identifier: Apache-2.0
// The partitions of the coming days and months.
#include "daemon/duty/work.hpp"

#include "common/counted.hpp"

namespace tally::duty {

namespace {

constexpr int kMonthsAhead = 2, kDaysAhead = 3;

}  // namespace

Done make_partitions(Work& work) {
    const auto today = database_day(work).today;
    const std::chrono::year_month_day date{today};
    std::vector<Day> months, days;
    for (int i = 0; i <= kMonthsAhead; ++i)
        months.push_back(Day{(date.year() / date.month() + std::chrono::months{i}) / std::chrono::day{1}});
    for (int i = 0; i <= kDaysAhead; ++i) days.push_back(today + std::chrono::days{i});

    auto transaction = work.begin();
    const auto made_months = transaction.exec("ensure_snapshot_months", {months})[0].integer("made");
    const auto made_days = transaction.exec("ensure_runs_days", {days})[0].integer("made");
    transaction.commit();
    std::vector<std::string> clauses;
    if (made_months > 0) clauses.push_back("made " + counted(made_months, "month", "months") + " of snapshots");
    if (made_days > 0) clauses.push_back("made " + counted(made_days, "day", "days") + " of runs");
    return done(clauses, "all are there");
}

}  // namespace tally::duty
