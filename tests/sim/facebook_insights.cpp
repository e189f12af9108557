// SPDX-License-Identifier: Apache-2.0
// Facebook's insights edge. A bucket is stamped with its end; a window selects the stamps after `since` up to and
// including `until`.
#include "facebook.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sim {
namespace {

using std::chrono::seconds;

constexpr seconds kLongestWindow{93 * 86400};
constexpr std::array<std::string_view, 6> kPeriods{"day", "week", "days_28", "month", "lifetime", "total_over_range"};

struct Window {
    Instant since, until;
};

struct Bucket {
    Day day;
    Instant stamp;
    Stage stage;
};

/// Days back from today, whole Pacific days that are over.
std::optional<Window> preset(std::string_view name, Instant now) {
    const auto today = day_of(pacific(), now);
    const auto window = [&](Day first) { return Window{midnight(pacific(), first), midnight(pacific(), today)}; };
    constexpr std::array<std::pair<std::string_view, int>, 5> kDays{
        {{"yesterday", 1}, {"last_7d", 7}, {"last_28d", 28}, {"last_30d", 30}, {"last_90d", 90}}};
    for (const auto& [known, days] : kDays)
        if (name == known) return window(today - date::days{days});
    if (name != "this_month") return std::nullopt;
    const date::year_month_day ymd{today};
    return window(Day{ymd.year() / ymd.month() / 1});
}

std::optional<Reply> read_window(const Call& call, Window& window) {
    const auto& query = call.request.query;
    const auto since = read_graph_time(query, "since");
    const auto until = read_graph_time(query, "until");
    if (since.wrong || until.wrong)
        return graph_error(call, {400, 100, 0,
                                  fmt::format("(#100) Param {} must be a valid UNIX timestamp or date",
                                              since.wrong ? "since" : "until")});
    if (const auto* name = query.find("date_preset"); name != nullptr && !since.at && !until.at) {
        const auto found = preset(*name, call.now);
        if (!found) return graph_error(call, {400, 100, 0, "(#100) Param date_preset must be a known preset"});
        window = *found;
        return std::nullopt;
    }
    const seconds two_days{2 * 86400};
    window.until = until.at   ? *until.at
                   : since.at ? std::max(*since.at, std::min(call.now, *since.at + kLongestWindow))
                              : call.now;
    window.since = since.at ? *since.at : window.until - two_days;
    if (window.since > window.until)
        return graph_error(call, {400, 100, 0, "(#100) Param since must be before param until"});
    if (window.until - window.since > kLongestWindow)
        return graph_error(call, {400, 100, 1504016,
                                  fmt::format("(#100) There cannot be more than 93 days ({} s) between since and until",
                                              kLongestWindow.count())});
    return std::nullopt;
}

/// Two years are kept; older days are simply not there.
std::vector<Bucket> buckets(const Account& account, const Window& window, Instant now) {
    std::vector<Bucket> out;
    const auto oldest = day_of(pacific(), now) - date::days{2 * 365};
    for (auto day = std::max(oldest, day_of(pacific(), window.since) - date::days{1});; day += date::days{1}) {
        const auto stamp = midnight(pacific(), day + date::days{1});
        if (stamp > window.until) return out;
        if (stamp <= window.since) continue;
        if (const auto s = stage(account, day, now); s != Stage::hidden) out.push_back({day, stamp, s});
    }
}

void add(FacebookValue& sum, const FacebookValue& next) {
    sum.object = next.object;
    sum.number += next.number;
    for (const auto& [name, number] : next.members) {
        const auto found = std::find_if(sum.members.begin(), sum.members.end(),
                                        [name = name](const auto& m) { return m.first == name; });
        if (found == sum.members.end())
            sum.members.emplace_back(name, number);
        else
            found->second += number;
    }
}

Json render(const Account& account, const FacebookMetric& metric, const FacebookValue& value) {
    if (metric.kind == FacebookKind::earnings)
        return Json{{"currency", account.currency}, {"microAmount", value.number}};
    if (metric.kind == FacebookKind::approximate) return static_cast<double>(value.number) / 100;
    if (!value.object) return value.number;
    Json out = Json::object();
    for (const auto& [name, number] : value.members) out[std::string{name}] = number;
    return out;
}

/// The value of the `days` days that end with the bucket.
FacebookValue trailing(const Call& call, const Account& account, const FacebookMetric& metric, const Bucket& bucket,
                       int days) {
    if (metric.kind == FacebookKind::state) days = 1;
    FacebookValue sum;
    for (int back = days - 1; back >= 0; --back) {
        const auto day = bucket.day - date::days{back};
        const auto s = back == 0 ? bucket.stage : stage(account, day, call.now);
        if (s != Stage::hidden) add(sum, facebook_value(call.world, account, metric, day, s));
    }
    return sum;
}

Json values_of(const Call& call, const Account& account, const FacebookMetric& metric, std::string_view period,
               std::string_view dimension, const std::vector<Bucket>& days) {
    Json values = Json::array();
    if (!dimension.empty()) {
        for (const auto& bucket : days) {
            const auto parts = facebook_breakdown(call.world, account, dimension, bucket.day, bucket.stage);
            for (std::size_t i = 0; i < parts.size(); ++i)
                if (parts[i] != 0)
                    values.push_back({{"value", parts[i]},
                                      {"end_time", render_graph_time(bucket.stamp)},
                                      {std::string{dimension}, std::to_string(i)}});
        }
        return values;
    }
    if (metric.kind == FacebookKind::places) {
        if (!account.small())
            values.push_back({{"value", render(account, metric, facebook_places(account, metric, call.now))}});
        return values;
    }
    if (period == "lifetime") {
        if (!days.empty())
            values.push_back({{"value", render(account, metric, trailing(call, account, metric, days.back(), 1))}});
        return values;
    }
    if (period == "total_over_range") {
        FacebookValue sum;
        if (metric.kind == FacebookKind::state && !days.empty())
            sum = trailing(call, account, metric, days.back(), 1);
        else
            for (const auto& bucket : days) add(sum, trailing(call, account, metric, bucket, 1));
        if (!days.empty()) values.push_back({{"value", render(account, metric, sum)}});
        return values;
    }
    const int length = period == "week" ? 7 : period == "days_28" ? 28 : period == "month" ? 30 : 1;
    for (const auto& bucket : days)
        values.push_back({{"value", render(account, metric, trailing(call, account, metric, bucket, length))},
                          {"end_time", render_graph_time(bucket.stamp)}});
    return values;
}

/// An unsupported pair of metric and period, or a metric this page has no right to.
std::optional<GraphError> refusal(const Account& account, const FacebookMetric& metric, std::string_view period) {
    if (metric.money() && !account.monetised)
        return GraphError{400, 200, 0, "(#200) The page is not eligible for monetization metrics"};
    const bool lifetime = metric.kind == FacebookKind::places || metric.kind == FacebookKind::state;
    if (period == "lifetime" && !lifetime) return GraphError{400, 1, 99, "An unknown error occurred"};
    const bool only_lifetime = metric.kind == FacebookKind::places && period != "lifetime" && !period.empty();
    const bool only_day = metric.name == "page_daily_follows" && period != "day" && !period.empty();
    if (only_lifetime || only_day)
        return GraphError{400, 100, 0,
                          fmt::format("(#100) The metric {} does not support the period {}", metric.name, period)};
    return std::nullopt;
}

}  // namespace

Reply answer_facebook_insights(const Call& call, const Account& account, std::string_view in_path) {
    const auto& query = call.request.query;
    const auto list = in_path.empty() ? query.get("metric") : in_path;
    if (list.empty())
        return graph_error(call, {400, 3001, 1504028,
                                  "(#3001) No metric was specified to be fetched. Please specify one or more metrics "
                                  "to be fetched and try again."});
    std::vector<const FacebookMetric*> metrics;
    for (const auto name : split_list(list)) {
        const auto* metric = find_facebook_metric(name);
        if (metric == nullptr || call.world.removed(Platform::facebook, name))
            return graph_error(call, {400, 100, 0, "(#100) The value must be a valid insights metric"});
        metrics.push_back(metric);
    }
    const auto period = query.get("period");
    if (!period.empty() && std::find(kPeriods.begin(), kPeriods.end(), period) == kPeriods.end())
        return graph_error(call, {400, 100, 0,
                                  "(#100) period must be one of the following values: day, week, days_28, month, "
                                  "lifetime, total_over_range"});
    const auto dimension = query.get("breakdown");
    for (const auto* metric : metrics) {
        if (!dimension.empty() && (metric->name != "page_media_view" || (period != "day" && !period.empty()) ||
                                   (dimension != "is_from_ads" && dimension != "is_from_followers")))
            return unknown_breakdown(call, account);
        if (const auto error = refusal(account, *metric, period)) return graph_error(call, *error);
    }
    Window window{};
    if (auto error = read_window(call, window)) return *error;

    Json data = Json::array();
    const auto days = account.small() ? std::vector<Bucket>{} : buckets(account, window, call.now);
    for (const auto* metric : metrics) {
        // Without a period the same metric comes several times.
        std::vector<std::string_view> periods{period};
        if (period.empty() && metric->kind == FacebookKind::places)
            periods = {"lifetime"};
        else if (period.empty() && (!dimension.empty() || metric->name == "page_daily_follows"))
            periods = {"day"};
        else if (period.empty())
            periods = {"day", "week", "days_28"};
        for (const auto one : periods) {
            auto values = values_of(call, account, *metric, one, dimension, days);
            if (values.empty()) continue;
            auto entry = insights_entry(account, metric->name, one, "values", std::move(values));
            // The real one names another metric in this id: readers must go by the name.
            if (metric->kind == FacebookKind::hosted)
                entry["id"] = fmt::format("{}/insights/page_video_views/{}", account.id, one);
            data.push_back(std::move(entry));
        }
    }
    Json body{{"data", std::move(data)}};
    if (!body["data"].empty()) body["paging"] = insights_paging(call, window.since, window.until);
    return json_reply(200, body);
}

}  // namespace sim
