// SPDX-License-Identifier: Apache-2.0
// Builds the reports of the week that is over, on Monday by each user's clock.
#include <fmt/format.h>

#include "common/config/data_files.hpp"
#include "common/counted.hpp"
#include "daemon/duty/work.hpp"
#include "daemon/report/archive.hpp"
#include "daemon/report/reporter.hpp"

namespace tally::duty {

namespace {

using std::chrono::days;

constexpr int kUsers = 20;  // of a page

/// The week to report in a zone; nullopt until its Monday has come so far.
std::optional<DayRange> week_due(const TimeZone& zone, std::chrono::hours hour, Instant at) {
    const auto week = report::week_before(zone.day_of(at));
    const auto monday = week.last + days{1};
    if (zone.resolve(std::chrono::local_seconds{monday} + hour).first > at) return std::nullopt;
    return week;
}

class Round {
public:
    Round(Work& work, const report::Archive& archive, const report::Templates& templates, std::vector<std::string> tiers)
        : work_(work), archive_(archive), templates_(templates), tiers_(std::move(tiers)) {}

    /// Goes on where the one before was broken off.
    void go_through(const std::string& zone, DayRange week) {
        auto transaction = work_.begin();
        const auto begun = transaction.exec("begin_round", {zone, week.first});
        transaction.commit();
        if (begun.empty()) return;
        for (auto after = begun[0].text("after_user");;) {
            auto look = work_.begin();
            std::vector<std::string> users;
            for (const auto& row : look.exec("users_to_report", {zone, after, tiers_, kUsers}))
                users.push_back(row.text("user_id"));
            look.commit();
            for (const auto& user : users) make(user, week);
            if (!users.empty()) after = users.back();
            const bool last = users.size() < kUsers;
            auto note = work_.begin();
            note.commit({{.statement = "advance_round", .params = {zone, week.first, after, last}}});
            if (last) return;
            work_.rest();
        }
    }
    std::int64_t built() const noexcept { return built_; }

private:
    /// A user without any number of the week gets no report.
    void make(const std::string& user, DayRange week) {
        const auto report = [&] {
            auto transaction = work_.begin();
            auto made = report::build(transaction, work_.rules().catalog, user, week, now());
            transaction.commit();
            return made;
        }();
        const auto metrics = report.metrics();
        if (metrics == 0) return;
        const auto sizes = archive_.keep(report, templates_);
        auto transaction = work_.begin();
        transaction.commit({{.statement = "note_report", .params = {user, week.first, work_.node(), metrics, sizes.html, sizes.xlsx}},
                            {.statement = "mail_report", .params = {user, week.first}}});
        ++built_;
    }

    Work& work_;
    const report::Archive& archive_;
    const report::Templates& templates_;
    const std::vector<std::string> tiers_;
    std::int64_t built_ = 0;
};

}  // namespace

Done build_reports(Work& work) {
    const auto& config = work.rules().config;
    std::vector<std::string> tiers;
    for (const auto& [name, tier] : config.tiers)
        if (tier.reports) tiers.push_back(name);
    const auto at = database_day(work).at;
    const report::Archive archive{config.state_dir + "/reports"};
    const auto templates = report::load_templates(config::template_directories(config.source_file));
    Round round{work, archive, templates, tiers};
    std::vector<std::string> zones;
    {
        auto transaction = work.begin();
        for (const auto& row : transaction.exec("report_zones")) zones.push_back(row.text("zone"));
        transaction.commit();
    }
    for (const auto& name : zones) {
        const auto zone = TimeZone::find(name).value_or(TimeZone::utc());
        if (const auto week = week_due(zone, std::chrono::hours{config.reports.hour}, at)) round.go_through(name, *week);
    }
    const auto oldest = report::week_before(TimeZone::utc().day_of(at) - config.reports.keep).first;
    auto transaction = work.begin();
    transaction.commit({{.statement = "delete_old_reports", .params = {oldest}}});
    archive.drop_before(oldest);
    if (round.built() == 0) return {.words = "no report was due", .changed = false};
    return {.words = "built " + counted(round.built(), "report", "reports")};
}

}  // namespace tally::duty
