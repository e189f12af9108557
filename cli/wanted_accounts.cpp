// SPDX-License-Identifier: Apache-2.0
// Puts connections, platform files and coverage together.
#include "cli/wanted_accounts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cli/copy_out.hpp"
#include "cli/glob.hpp"
#include "common/postgres/statements.hpp"
#include "daemon/platform/target.hpp"

namespace tally::cli {

namespace {

using platform::Knowledge;
using std::chrono::days;

constexpr int kPage = 1'000;  // connections fetched at once

bool matches(const std::vector<std::string>& globs, std::string_view text) {
    return globs.empty() ||
           std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) { return glob_matches(glob, text); });
}

postgres::Options session_options(const std::string& url) {
    return {.url = url, .application_name = "tallyctl", .statement_timeout = std::chrono::milliseconds{0}};
}

/// The numbers that have to be looked at: of what knowledge() asks for, and of metrics that are broken down, whose rows
/// have other names.
platform::MetricSets numbers_to_load(const platform::Platform& platform, const platform::MetricSets& refused) {
    auto wanted = platform::numbers_wanted(platform, refused);
    for (const auto& request : platform.requests) {
        if (!request.rows.dimensions.empty())
            wanted[request.name].insert(request.metrics.begin(), request.metrics.end());
    }
    return wanted;
}

bool has_number(const platform::NumberDays& numbers, const std::string& request, const std::string& metric, Day day) {
    const auto in_request = numbers.find(request);
    if (in_request == numbers.end()) return false;
    const auto in_metric = in_request->second.find(metric);
    return in_metric != in_request->second.end() && in_metric->second.contains(day);
}

}  // namespace

WantedAccounts::WantedAccounts(const std::string& url, const std::string& snapshot, const platform::Catalog& catalog,
                               WantedFilter filter, Instant now)
    : catalog_(catalog),
      filter_(std::move(filter)),
      now_(now),
      session_(session_options(url)),
      transaction_(session_.begin_read_only()) {
    transaction_.exec_text("SET TRANSACTION SNAPSHOT " + postgres::quote_literal(snapshot));
    // Whoever reads the export may be slow.
    transaction_.exec_text("SET LOCAL idle_in_transaction_session_timeout = 0");
    const auto select = with_literals(postgres::statement("export_connections"),
                                      {filter_.users, filter_.tiers, filter_.platforms, filter_.accounts});
    total_ = transaction_.exec_text(fmt::format("SELECT count(*) AS total FROM ({}) AS c", select))[0].integer("total");
    transaction_.exec_text("DECLARE wanted NO SCROLL CURSOR FOR " + select);
}

std::optional<WantedAccount> WantedAccounts::next() {
    while (fetch()) {
        const auto row = (*page_)[row_++];
        ++done_;
        const auto platform = catalog_.find(row.view("platform"));
        if (!platform || !matches(filter_.sources, platform->source)) continue;
        WantedAccount account{.user_id = row.text("user_id"),
                              .platform = row.text("platform"),
                              .account_id = row.text("account_id"),
                              .source = platform->source,
                              .first = filter_.from,
                              .metrics = {}};
        const auto found = store::covered_connections(transaction_, {.user_id = account.user_id,
                                                                     .platform = account.platform,
                                                                     .account_id = account.account_id,
                                                                     .after = std::nullopt,
                                                                     .limit = 1});
        if (found.empty()) continue;
        const auto& connection = found.front();
        // UTC as long as the zone is not known: nothing is asked before.
        const auto zone = platform::find_day_zone(*platform, connection.attributes).value_or(TimeZone::utc());
        const auto last = filter_.to.value_or(zone.day_of(now_));
        if (filter_.from > last) continue;
        account.metrics = metrics_of(account.user_id, *platform, connection, zone, {filter_.from, last});
        if (!account.metrics.empty()) return account;
    }
    return std::nullopt;
}

double WantedAccounts::share() const noexcept {
    return total_ == 0 ? 1 : static_cast<double>(done_) / static_cast<double>(total_);
}

/// Whether there is a connection left.
bool WantedAccounts::fetch() {
    if (page_ && row_ < page_->size()) return true;
    page_ = transaction_.exec_text(fmt::format("FETCH {} FROM wanted", kPage));
    row_ = 0;
    return !page_->empty();
}

std::vector<WantedMetric> WantedAccounts::metrics_of(const std::string& user, const platform::Platform& platform,
                                                     const store::CoveredConnection& connection, const TimeZone& zone,
                                                     DayRange range) {
    platform::MetricSets refused;
    for (const auto& each : connection.refused) refused[each.request].insert(each.metric);
    const auto numbers = store::load_number_days(transaction_, user, connection.account_id, platform,
                                                 numbers_to_load(platform, refused), range);
    const auto known = platform::knowledge({.platform = platform,
                                            .zone = zone,
                                            .coverage = connection.coverage,
                                            .attributes = connection.attributes,
                                            .refused = refused,
                                            .numbers = numbers,
                                            .now = now_,
                                            .connected_at = connection.created_at,
                                            .range = range});
    std::map<std::string, std::vector<std::optional<Knowledge>>> wanted;
    const auto length = static_cast<std::size_t>((range.last - range.first).count()) + 1;
    for (const auto& entry : known) {
        const bool broken_down = !entry.request->rows.dimensions.empty();
        for (const auto& metric : entry.metrics) {
            if (!matches(filter_.metrics, metric)) continue;
            auto& states = wanted.try_emplace(metric, length).first->second;
            for (const auto& span : entry.days) {
                for (auto day = span.days.first; day <= span.days.last; day += days{1}) {
                    // One unit of absence: the metric, however many values it is broken down by.
                    if (broken_down && has_number(numbers, entry.request->name, metric, day)) continue;
                    // Several requests may ask for it: what says most about the day counts, and says it first.
                    auto& state = states[static_cast<std::size_t>((day - range.first).count())];
                    state = state ? std::min(*state, span.state) : span.state;
                }
            }
        }
    }
    std::vector<WantedMetric> metrics;
    for (auto& [metric, states] : wanted) metrics.push_back({.metric = metric, .days = std::move(states)});
    return metrics;
}

}  // namespace tally::cli
