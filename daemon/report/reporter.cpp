// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/reporter.hpp"

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
            transaction,
            {.user_id = user_id, .platform = {}, .account_id = {}, .after = after, .limit = kConnections});
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

}  // namespace

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

}  // namespace tally::report
