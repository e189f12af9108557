// SPDX-License-Identifier: Apache-2.0
// Builds the reports of the week that is over, when it is over by each user's clock.
#include "common/counted.hpp"
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
    Round(Work& work, Instant at)
        : work_(work),
          config_(work.rules().config),
          reporter_(config_, work.rules().catalog, work.node()),
          at_(at),
          end_(std::chrono::steady_clock::now() + kSlice),
          mails_(config_.smtp.url.has_value()) {
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
            if (is_over()) return;
        }
    }
    std::int64_t built() const noexcept { return built_; }
    bool is_over() const { return std::chrono::steady_clock::now() >= end_; }
    const report::Reporter& reporter() const noexcept { return reporter_; }

private:
    /// Goes on where the one before left off; who comes behind that point later on has missed the week.
    void go_through(const std::string& zone, DayRange week) {
        auto begin = work_.begin();
        const auto begun = begin.exec("begin_round", {zone, week.first});
        begin.commit();
        if (begun.empty()) return;
        auto after = begun[0].text("after_user");
        for (bool last = false; !last && !is_over(); work_.rest()) {
            std::vector<std::string> users;
            {
                auto transaction = work_.begin();
                for (const auto& row : transaction.exec("users_to_report", {zone, after, tiers_, kUsers}))
                    users.push_back(row.text("user_id"));
            }
            for (const auto& user : users) make(user, week);
            if (!users.empty()) after = users.back();
            last = users.size() < kUsers;
            auto note = work_.begin();
            note.commit({{.statement = "advance_round", .params = {zone, week.first, after, last}}});
        }
    }

    void make(const std::string& user, DayRange week) {
        auto transaction = work_.begin();
        if (reporter_.make(transaction, user, week, at_) == 0) return;
        if (mails_) transaction.exec("mail_report", {user, week.first, false});
        transaction.commit();
        ++built_;
    }

    Work& work_;
    const config::Config& config_;
    report::Reporter reporter_;
    const Instant at_;
    const std::chrono::steady_clock::time_point end_;
    const bool mails_;
    std::vector<std::string> tiers_;
    std::int64_t built_ = 0;
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
    const auto at = database_day(work).at;
    Round round{work, at};
    round.go();
    if (!round.is_over()) forget_old(work, round.reporter().archive(), report::oldest_week(work.rules().config, at));
    Done result{.words = "no report was due", .changed = false};
    if (round.built() > 0) result = {.words = "built " + counted(round.built(), "report", "reports")};
    if (round.is_over()) result.again = std::chrono::seconds{0};
    return result;
}

}  // namespace tally::duty
