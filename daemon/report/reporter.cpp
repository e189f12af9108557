// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/reporter.hpp"

#include <fmt/format.h>

#include "common/config/data_files.hpp"
#include "common/error.hpp"
#include "common/time_zone.hpp"
#include "daemon/platform/target.hpp"
#include "daemon/store/coverage_rows.hpp"

namespace tally::report {

namespace {

constexpr int kConnections = 100;  // read at once

std::vector<KnownAccount> known_accounts(postgres::Transaction& transaction, const platform::Catalog& catalog,
                                         const std::string& user_id, DayRange week, Instant now) {
    std::vector<KnownAccount> accounts;
    for (std::optional<std::int64_t> after;;) {
        const auto page = store::covered_connections(
            transaction, {.user_id = user_id, .platform = {}, .account_id = {}, .after = after, .limit = kConnections});
        for (const auto& connection : page) {
            const auto platform = catalog.find(connection.platform);
            if (!platform) continue;
            accounts.push_back(
                {.platform = connection.platform,
                 .title = platform->title,
                 .account_id = connection.account_id,
                 .source = platform->source,
                 .metrics = {},
                 .zone = platform::find_day_zone(*platform, connection.attributes).value_or(TimeZone::utc()),
                 .file = platform});
            accounts.back().metrics = store::known_days(transaction, *platform, user_id, connection, week, now);
        }
        if (page.size() < kConnections) return accounts;
        after = page.back().connection_id;
    }
}

}  // namespace

Day oldest_week(const config::Config& config, Instant at) {
    return week_before(TimeZone::utc().day_of(at) - config.reports.keep).first;
}

Report Reporter::build(postgres::Transaction& transaction, const std::string& user_id, DayRange week,
                       Instant now) const {
    std::vector<analysis::Series> series;
    const std::vector<std::string> users{user_id};
    for (const auto& row :
         transaction.exec("metric_series", {users, std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt,
                                            week.first - analysis::kAnomalyHistory, week.last, true}))
        series.push_back(analysis::parse_series(row.view("series")));
    return compose(user_id, week, now, series, known_accounts(transaction, rules_.catalog, user_id, week, now));
}

Archive::Sizes Reporter::keep(const Report& report) {
    if (!templates_) templates_ = load_templates(config::template_directories(rules_.config.source_file));
    return archive_.keep(report, *templates_);
}

void Reporter::note(postgres::Transaction& transaction, const Report& report, const Archive::Sizes& sizes) const {
    transaction.exec("note_report",
                     {report.user_id, report.week.first, node_, report.metrics(), sizes.html, sizes.xlsx});
}

void Reporter::fetch(postgres::Session& session, const std::string& user_id, Day monday, Instant now) {
    auto look = session.begin_read_only();
    const auto found = look.exec("find_report", {user_id, monday});
    if (found.empty())
        throw Error(Fault::missing,
                    fmt::format("user '{}' has no report of the week from {}", user_id, render_day(monday)),
                    "Build it with 'tallyctl report build'.");
    const auto keeper = found[0].text("node");
    const bool kept = archive_.read(user_id, monday, Format::html) && archive_.read(user_id, monday, Format::xlsx);
    if (keeper == node_ && kept) return;
    // Fewer days than there were would make another report of it.
    const auto tiers = look.exec("tier_of_user", {user_id});
    const auto oldest = tiers.empty() ? std::nullopt : rules_.oldest_kept(tiers[0].text("tier"), now);
    if (tiers.empty() || (oldest && monday < *oldest))
        throw Error(Fault::missing,
                    fmt::format("the report of user '{}' of the week from {} is kept by node {} only, and its numbers "
                                "are not kept any more",
                                user_id, render_day(monday), keeper));
    const auto report = build(look, user_id, week_of(monday), now);
    look.commit();
    keep(report);
}

std::string Reporter::read(const std::string& user_id, Day monday, Format format) const {
    auto content = archive_.read(user_id, monday, format);
    if (!content) throw Error(Fault::failed, "a file of the report has just gone");
    return *std::move(content);
}

}  // namespace tally::report
