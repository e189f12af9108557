// SPDX-License-Identifier: Apache-2.0
// Builds the reports of the week that is over, when it is over by each user's clock.
#include <fmt/format.h>

#include "common/counted.hpp"
#include "common/error.hpp"
#include "common/time_zone.hpp"
#include "daemon/duty/work.hpp"
#include "daemon/report/reporter.hpp"

namespace tally::duty {

namespace {

constexpr std::int64_t kUsers = 20;         // of a page
constexpr std::int64_t kRows = 5'000;       // deleted at once
constexpr std::chrono::seconds kSlice{20};  // other duties wait for this thread

/// Goes through the users of the zones where it is time, for as long as it may.
class Round {
public:
    Round(Work& work, Instant at, std::chrono::steady_clock::duration slice)
        : work_(work),
          config_(work.rules().config),
          reporter_(work.rules(), work.node()),
          at_(at),
          end_(std::chrono::steady_clock::now() + slice) {
        for (const auto& [name, tier] : config_.tiers)
            if (tier.reports) tiers_.push_back(name);
    }

    void go() {
        std::vector<std::string> zones;
        {
            auto transaction = work_.begin();
            for (const auto& row : transaction.exec("report_zones")) zones.push_back(row.text("zone"));
        }
        for (const auto& name : zones) {
            const auto zone = TimeZone::find(name).value_or(TimeZone::utc());
            if (const auto week = report::week_due(zone, config_.reports.delay, at_)) go_through(name, *week);
            if (worked_ && is_over()) return;
        }
    }
    bool is_over() const { return std::chrono::steady_clock::now() >= end_; }
    const report::Reporter& reporter() const noexcept { return reporter_; }

    /// What there is to say of it.
    std::vector<std::string> clauses() const {
        std::vector<std::string> told;
        if (built_ > 0) told.push_back("built " + counted(built_, "report", "reports"));
        if (failed_ > 0)
            told.push_back(
                fmt::format("{} could not be built (the first: {})", counted(failed_, "report", "reports"), failure_));
        told.insert(told.end(), missed_.begin(), missed_.end());
        return told;
    }

private:
    /// Goes on where the one before left off; who comes behind that point later on has missed the week.
    void go_through(const std::string& zone, DayRange week) {
        auto begin = work_.begin();
        for (const auto& row : begin.exec("end_old_rounds", {zone, week.first}))
            missed_.push_back(fmt::format("the week from {} in {} ended behind user '{}', the next one is due",
                                          render_day(row.day("week")), zone, row.text("after_user")));
        const auto begun = begin.exec("begin_round", {zone, week.first});
        begin.commit();
        if (begun.empty()) return;
        auto after = begun[0].text("after_user");
        for (bool last = false; !last && !(worked_ && is_over()); work_.rest()) {
            worked_ = true;
            std::vector<std::string> users;
            {
                auto transaction = work_.begin();
                for (const auto& row : transaction.exec("users_to_report", {zone, after, tiers_, kUsers}))
                    users.push_back(row.text("user_id"));
            }
            for (const auto& user : users) try_user(user, week);
            if (!users.empty()) after = users.back();
            last = users.size() < kUsers;
            auto note = work_.begin();
            note.commit({{.statement = "advance_round", .params = {zone, week.first, after, last}}});
        }
    }

    /// A bug that one user's numbers bring to light costs that user's report. What else goes wrong, with the disk, the
    /// database or a template, would do so for everybody: the round waits.
    void try_user(const std::string& user, DayRange week) {
        try {
            make(user, week);
        } catch (const postgres::SqlError&) {
            throw;
        } catch (const std::exception& error) {
            if (fault_of(error) != Fault::internal) throw;
            if (failed_++ == 0) failure_ = fmt::format("user '{}': {}", user, describe_line(error));
        }
    }

    void make(const std::string& user, DayRange week) {
        const auto report = read(user, week);
        if (report.metrics() == 0) return;
        const auto sizes = reporter_.keep(report);
        auto transaction = work_.begin();
        reporter_.note(transaction, report, sizes);
        if (config_.smtp.url) transaction.exec("mail_report", {user, week.first, false});
        transaction.commit();
        ++built_;
    }

    report::Report read(const std::string& user, DayRange week) {
        auto transaction = work_.begin();
        return reporter_.build(transaction, user, week, at_);
    }

    Work& work_;
    const config::Config& config_;
    report::Reporter reporter_;
    const Instant at_;
    const std::chrono::steady_clock::time_point end_;
    std::vector<std::string> tiers_, missed_;
    bool worked_ = false;  // each slice goes on by a page at least
    std::int64_t built_ = 0, failed_ = 0;
    std::string failure_;
};

/// Rows of weeks that are over for long, on all nodes; files on this one.
void forget_old(Work& work, const report::Archive& archive, Day oldest) {
    for (auto some = kRows; some == kRows; work.rest()) {
        auto transaction = work.begin();
        const auto result = transaction.exec("delete_old_reports", {oldest, kRows});
        transaction.commit();
        some = static_cast<std::int64_t>(result.affected());
    }
    auto transaction = work.begin();
    transaction.commit({{.statement = "delete_old_rounds", .params = {oldest}}});
    archive.drop_before(oldest);
}

}  // namespace

Done build_reports(Work& work) {
    return build_reports_for(work, kSlice);
}

Done build_reports_for(Work& work, std::chrono::steady_clock::duration slice) {
    const auto at = database_day(work).at;
    Round round{work, at, slice};
    round.go();
    const bool over = round.is_over();
    if (!over) forget_old(work, round.reporter().archive(), report::oldest_week(work.rules().config, at));
    auto result = done(round.clauses(), "no report was due");
    if (over) result.again = std::chrono::seconds{0};
    return result;
}

}  // namespace tally::duty
