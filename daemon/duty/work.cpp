// SPDX-License-Identifier: Apache-2.0
// Fenced steps, dropped partitions, words.
#include "daemon/duty/work.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <thread>

#include "common/error.hpp"

namespace tally::duty {

using namespace std::chrono_literals;

namespace {

constexpr auto kShortestRest = 5ms, kLongestRest = 200ms;
constexpr auto kClockDoubt = std::chrono::hours{24};
constexpr int kDropTries = 3;
/// Whoever comes after us waits behind us, so we do not wait long.
constexpr const char* kImpatient = "SET LOCAL lock_timeout = '200ms'; ";

bool drop_partition(Work& work, const std::string& name) {
    for (int i = 0; i < kDropTries; ++i) {
        if (i > 0) work.rest();
        try {
            auto transaction = work.begin();
            transaction.exec_text(kImpatient + ("DROP TABLE " + postgres::quote_identifier(name)));
            transaction.commit();
            return true;
        } catch (const postgres::SqlError& error) {
            if (!error.is_conflict()) throw;
        }
    }
    return false;
}

}  // namespace

void Stop::interrupt() {
    const std::lock_guard lock{mutex_};
    if (cancel_) cancel_();
}

void Stop::set_statement(std::function<void()> cancel) {
    const std::lock_guard lock{mutex_};
    cancel_ = std::move(cancel);
}

postgres::Transaction Work::begin() {
    if (stop_.requested()) throw Stopped{};
    began_ = std::chrono::steady_clock::now();
    auto transaction = session_.begin();
    if (transaction.exec("hold_duty", {claim_.name, claim_.token}).empty()) throw LeaseLost{};
    return transaction;
}

void Work::exec_alone(const std::string& sql) {
    begin();
    session_.exec_alone(sql);
}

void Work::rest() const {
    const auto took = std::chrono::steady_clock::now() - began_;
    std::this_thread::sleep_for(std::clamp<std::chrono::steady_clock::duration>(took, kShortestRest, kLongestRest));
}

DatabaseDay database_day(Work& work) {
    auto transaction = work.begin();
    const auto row = transaction.exec("database_day")[0];
    const DatabaseDay day{.today = row.day("today"), .at = row.instant("at")};
    if (const auto apart = now() - day.at; apart > kClockDoubt || apart < -kClockDoubt)
        throw Error(Fault::failed,
                    fmt::format("the database's clock says {}, the one of tallyd {}: nothing is deleted",
                                render_instant(day.at), render_instant(now())),
                    "Set the clock that is wrong.");
    return day;
}

Drop drop_partitions(Work& work, const std::string& table, Day before) {
    std::vector<std::string> old;
    {
        auto transaction = work.begin();
        for (const auto& row : transaction.exec("partitions_of", {table}))
            if (row.day("past") <= before) old.push_back(row.text("name"));
    }
    Drop drop;
    for (auto& name : old) {
        auto& list = drop_partition(work, name) ? drop.dropped : drop.in_use;
        list.push_back(std::move(name));
    }
    return drop;
}

void tell(const Drop& drop, std::vector<std::string>& clauses) {
    if (!drop.dropped.empty()) clauses.push_back(fmt::format("dropped {}", fmt::join(drop.dropped, ", ")));
    if (!drop.in_use.empty())
        clauses.push_back(fmt::format("{} {} in use, later again", fmt::join(drop.in_use, ", "),
                                      drop.in_use.size() == 1 ? "is" : "are"));
}

Done done(const std::vector<std::string>& clauses, std::string_view nothing) {
    if (clauses.empty()) return {.words = std::string{nothing}, .changed = false};
    return {.words = fmt::format("{}", fmt::join(clauses, "; "))};
}

}  // namespace tally::duty
