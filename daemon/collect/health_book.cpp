// SPDX-License-Identifier: Apache-2.0
// HealthBook over sql/queries/health.sql.
#include "daemon/collect/health_book.hpp"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/error.hpp"
#include "daemon/net/async.hpp"

namespace tally::collect {

using boost::asio::awaitable;

namespace {

constexpr std::chrono::seconds kLoadEvery{5};
constexpr std::int64_t kNextProbe = std::int64_t{6} * 3600;  // seconds

void merge(const platform::MetricSets& from, platform::MetricSets& into) {
    for (const auto& [request, metrics] : from) into[request].insert(metrics.begin(), metrics.end());
}

std::string drift_message(const platform::Platform& platform, const std::string& served) {
    auto text = fmt::format("answers as version {}, asked for {}", served, platform.api.version);
    if (platform.api.version_until)
        text += fmt::format("; {} is usable until {}", platform.api.version,
                            render_day(*platform.api.version_until - std::chrono::days{1}));
    return text + ": check api.version of its platform file";
}

}  // namespace

void HealthBook::prepare(Job& job) {
    const auto refused = refused_.find(job.platform->name);
    if (refused != refused_.end()) merge(refused->second, job.refused);
    const auto probes = probes_.find(job.platform->name);
    if (probes == probes_.end()) return;
    for (const auto& [request, metrics] : probes->second) {
        for (const auto& metric : metrics) job.refused[request].erase(metric);
    }
    merge(probes->second, job.probe);
    probes_.erase(probes);
}

void HealthBook::note(const platform::Platform& platform, const Collected& collected, store::RunResult& result) {
    const auto at = now();
    for (const auto& [request, metric] : collected.answered) answered_[{platform.name, request, metric}] = at;
    for (const auto& [request, metric] : collected.answered_again) {
        if (const auto refused = refused_.find(platform.name); refused != refused_.end())
            refused->second[request].erase(metric);
    }
    for (const auto& refusal : collected.refusals) {
        const auto answered = answered_.find({platform.name, refusal.request, refusal.metric});
        const auto* known = platform.find_metric(refusal.metric);
        result.refusals.push_back(
            {.request = refusal.request,
             .metric = refusal.metric,
             .code = refusal.code,
             .message = refusal.message,
             .replaced_by = known == nullptr ? "" : known->replaced_by,
             .expected = refusal.expected,
             .last_answered = answered == answered_.end() ? std::nullopt : std::optional{answered->second}});
    }
    result.answered_again = collected.answered_again;
    if (platform.api.version_header.empty() || collected.tasks_done == 0) return;
    const auto served = collected.served_version.value_or("");
    const auto known = served_version_.find(platform.name);
    if (known != served_version_.end() && known->second == served) return;
    // Also the first answer after a start: an alert of an earlier life may stand.
    served_version_[platform.name] = served;
    result.alerts.push_back({.kind = "version_drift",
                             .subject = platform.name,
                             .message = served.empty() ? "" : drift_message(platform, served)});
}

awaitable<void> HealthBook::load() {
    struct Found {
        std::map<std::string, platform::MetricSets> refused, probes;
    };
    auto read = [&pool = pool_] {
        Found found;
        const auto session = pool.acquire();
        auto transaction = session->begin();
        for (const auto& row : transaction.exec("platform_quarantine"))
            found.refused[row.text("platform")][row.text("request")].insert(row.text("metric"));
        for (const auto& row : transaction.exec("claim_probes", {kNextProbe}))
            found.probes[row.text("platform")][row.text("request")].insert(row.text("metric"));
        transaction.commit();
        return found;
    };
    auto found = co_await net::run_blocking(threads_, std::move(read));
    refused_ = std::move(found.refused);
    for (const auto& [platform, probes] : found.probes) merge(probes, probes_[platform]);
}

awaitable<void> HealthBook::share() {
    boost::asio::steady_timer timer{executor_};
    for (;;) {
        timer.expires_after(kLoadEvery);
        co_await timer.async_wait(boost::asio::use_awaitable);
        try {
            co_await load();
        } catch (const Error&) {
            // The database is away; the claim loop says so, and nothing is claimed meanwhile.
        }
    }
}

}  // namespace tally::collect
