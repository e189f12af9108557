// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/reporter.hpp"

#include "common/config/data_files.hpp"
#include "common/time_zone.hpp"
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
            accounts.push_back({.platform = connection.platform,
                                .title = platform->title,
                                .account_id = connection.account_id,
                                .source = platform->source,
                                .metrics = {},
                                .file = platform});
            accounts.back().metrics = store::known_days(transaction, *platform, user_id, connection, week, now);
        }
        if (page.size() < kConnections) return accounts;
        after = page.back().connection_id;
    }
}

Report build(postgres::Transaction& transaction, const platform::Catalog& catalog, const std::string& user_id,
             DayRange week, Instant now) {
    std::vector<analysis::Series> series;
    const std::vector<std::string> users{user_id};
    for (const auto& row :
         transaction.exec("metric_series", {users, std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt,
                                            week.first - analysis::kAnomalyHistory, week.last, true}))
        series.push_back(analysis::parse_series(row.view("series")));
    return compose(user_id, week, now, series, known_accounts(transaction, catalog, user_id, week, now));
}

}  // namespace

Day oldest_week(const config::Config& config, Instant at) {
    return week_before(TimeZone::utc().day_of(at) - config.reports.keep).first;
}

std::int64_t Reporter::make(postgres::Transaction& transaction, const std::string& user_id, DayRange week,
                            Instant now) {
    if (!templates_) templates_ = load_templates(config::template_directories(config_.source_file));
    const auto report = build(transaction, catalog_, user_id, week, now);
    const auto metrics = report.metrics();
    if (metrics == 0) return 0;
    const auto sizes = archive_.keep(report, *templates_);
    transaction.exec("note_report", {user_id, week.first, node_, metrics, sizes.html, sizes.xlsx});
    return metrics;
}

std::optional<std::string> Reporter::read(postgres::Transaction& transaction, const std::string& user_id, Day monday,
                                          Format format, Instant now) {
    const auto found = transaction.exec("find_report", {user_id, monday});
    if (found.empty()) return std::nullopt;
    if (found[0].view("node") == node_)
        if (auto kept = archive_.read(user_id, monday, format)) return kept;
    make(transaction, user_id, week_of(monday), now);
    return archive_.read(user_id, monday, format);
}

}  // namespace tally::report
