// SPDX-License-Identifier: Apache-2.0
// Instagram's insights edge. A bucket is stamped with its end, and a window selects the stamps it contains, both
// ends included.
#include "hash.hpp"
#include "instagram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace sim {
namespace {

using std::chrono::seconds;

constexpr seconds kLongestWindow{30 * 86400};
constexpr seconds kLongestHours{25 * 3600};  ///< of online_followers: one day, however long

struct Ask {
    std::vector<const InstagramMetric*> metrics;
    std::vector<std::string_view> dimensions;
    std::string_view period;
    bool total = false;
    Instant since, until;
};

std::optional<Reply> read_metrics(const Call& call, const Account& account, Ask& ask) {
    const auto* list = call.request.query.find("metric");
    if (list == nullptr || list->empty())
        return graph_error(call, {400, 100, 0, "(#100) The parameter metric is required"});
    std::size_t position = 0;
    for (const auto name : split_list(*list)) {
        const auto* metric = find_instagram_metric(name);
        if (metric == nullptr || !instagram_offers(call.world, account, name)) {
            std::string names;
            for (const auto& known : instagram_metrics())
                if (instagram_offers(call.world, account, known.name))
                    names += fmt::format("{}{}", names.empty() ? "" : ", ", known.name);
            return graph_error(
                call, {400, 100, 0,
                       fmt::format("(#100) metric[{}] must be one of the following values: {}", position, names)});
        }
        ask.metrics.push_back(metric);
        ++position;
    }
    return std::nullopt;
}

std::optional<Reply> read_form(const Call& call, Ask& ask) {
    const auto& query = call.request.query;
    ask.period = query.get("period", ask.metrics.front()->lifetime ? "lifetime" : "day");
    const auto type = query.get("metric_type");
    if (!type.empty() && type != "total_value" && type != "time_series")
        return graph_error(
            call, {400, 100, 0, "(#100) metric_type must be one of the following values: time_series, total_value"});
    ask.total = type == "total_value";
    if (!query.get("breakdown").empty()) ask.dimensions = split_list(query.get("breakdown"));

    std::string untyped;
    for (const auto* metric : ask.metrics) {
        const bool long_period = metric->name == "reach" && (ask.period == "week" || ask.period == "days_28");
        if (metric->lifetime ? ask.period != "lifetime" : ask.period != "day" && !long_period)
            return graph_error(call,
                               {400, 100, 0,
                                fmt::format("(#100) The following metric ({}) is incompatible with the period ({})",
                                            metric->name, ask.period)});
        if (metric->demographic() != ask.metrics.front()->demographic())
            return graph_error(call, {400, 100, 0,
                                      fmt::format("(#100) The following metrics ({}, {}) cannot be queried together",
                                                  ask.metrics.front()->name, metric->name)});
        if (metric->demographic()) continue;
        if (ask.total ? !metric->total : !metric->series && !type.empty())
            return graph_error(
                call, {400, 100, 0,
                       fmt::format("(#100) The following metric ({}) is incompatible with the metric type ({})",
                                   metric->name, type)});
        if (type.empty() && !metric->series) untyped += fmt::format("{}{}", untyped.empty() ? "" : ", ", metric->name);
    }
    if (!untyped.empty())
        return graph_error(
            call,
            {400, 100, 0,
             fmt::format("(#100) The following metrics ({}) should be specified with parameter metric_type=total_value",
                         untyped)});
    return std::nullopt;
}

std::optional<Reply> read_window(const Call& call, Ask& ask) {
    const auto since = read_graph_time(call.request.query, "since");
    const auto until = read_graph_time(call.request.query, "until");
    if (since.wrong || until.wrong)
        return graph_error(
            call, {400, 100, 0, fmt::format("(#100) {} param is not valid.", since.wrong ? "since" : "until")});
    const seconds day{86400};
    ask.until = until.at ? *until.at : since.at ? *since.at + day : call.now;
    ask.since = since.at ? *since.at : ask.until - day;
    if (ask.since > ask.until)
        return graph_error(call, {400, 100, 0, "(#100) since param should not be after the until param"});
    if (ask.metrics.front()->lifetime && ask.until - ask.since > kLongestHours)
        return graph_error(call,
                           {400, 100, 0, "(#100) (online_followers) metric only supports querying data for one day"});
    if (ask.until - ask.since > kLongestWindow)
        return graph_error(
            call, {400, 100, 0, "(#100) There cannot be more than 30 days (2592000 s) between since and until"});
    const auto today = day_of(pacific(), call.now);
    const date::year_month_day ymd{today};
    const auto earlier = date::year_month_day{ymd.year() - date::years{2}, ymd.month(), ymd.day()};
    const auto oldest = earlier.ok() ? Day{earlier} : Day{earlier.year() / earlier.month() / date::last};
    if (ask.since < midnight(pacific(), oldest))
        return graph_error(
            call, {400, 100, 0, "(#100) since param is not valid. Metrics data is available for the last 2 years"});
    for (const auto* metric : ask.metrics)
        if ((metric->name == "follower_count" || metric->name == "online_followers") &&
            ask.since < midnight(pacific(), today - date::days{30}))
            return graph_error(
                call,
                {400, 100, 0,
                 fmt::format(
                     "(#100) ({}) metric only supports querying data for the last 30 days excluding the current day",
                     metric->name)});
    return std::nullopt;
}

struct Bucket {
    Day day;
    Instant stamp;
    Stage stage;
};

std::vector<Bucket> buckets(const Account& account, const Ask& ask, Instant now) {
    std::vector<Bucket> out;
    for (auto day = day_of(pacific(), ask.since) - date::days{1};; day += date::days{1}) {
        const auto stamp = midnight(pacific(), day + date::days{1});
        if (stamp > ask.until) return out;
        if (stamp < ask.since || quiet(account, day)) continue;
        if (const auto s = stage(account, day, now); s != Stage::hidden) out.push_back({day, stamp, s});
    }
}

bool kept_back(const Account& account, const InstagramMetric& metric) {
    return account.small() &&
           (metric.name == "follows_and_unfollows" || metric.name == "follower_count" || metric.lifetime);
}

Json series_of(const Call& call, const Account& account, const InstagramMetric& metric, const Ask& ask,
               const std::vector<Bucket>& days) {
    Json values = Json::array();
    const int span = ask.period == "week" ? 7 : ask.period == "days_28" ? 28 : 1;
    for (const auto& bucket : days) {
        std::vector<std::int64_t> parts;
        for (int back = span - 1; back >= 0; --back) {
            const auto day = bucket.day - date::days{back};
            if (back == 0 || !quiet(account, day))
                parts.push_back(instagram_total(call.world, account, metric, day,
                                                back == 0 ? bucket.stage : stage(account, day, call.now)));
        }
        values.push_back({{"value", unique_over(parts)}, {"end_time", render_graph_time(bucket.stamp)}});
    }
    return values;
}

Json total_of(const Call& call, const Account& account, const InstagramMetric& metric, const Ask& ask,
              const std::vector<Bucket>& days) {
    Json content = Json::object();
    std::vector<std::int64_t> totals;
    for (const auto& bucket : days)
        totals.push_back(instagram_total(call.world, account, metric, bucket.day, bucket.stage));
    std::int64_t sum = 0;
    for (const auto total : totals) sum += total;
    // With a breakdown the value itself is sometimes missing.
    if (metric.name != "follows_and_unfollows" && (ask.dimensions.empty() || account.key % 3 != 0))
        content["value"] = metric.unique ? unique_over(totals) : sum;
    if (ask.dimensions.empty()) return content;

    std::map<std::vector<std::string_view>, std::vector<std::int64_t>> by_category;
    for (const auto& bucket : days)
        for (auto& category :
             instagram_categories(call.world, account, metric, ask.dimensions, bucket.day, bucket.stage))
            by_category[category.values].push_back(category.value);
    Json breakdown{{"dimension_keys", ask.dimensions}};
    for (const auto& [values, numbers] : by_category) {
        std::int64_t number = 0;
        for (const auto part : numbers) number += part;
        breakdown["results"].push_back(
            {{"dimension_values", values}, {"value", metric.unique ? unique_over(numbers) : number}});
    }
    content["breakdowns"] = Json::array({std::move(breakdown)});
    return content;
}

Json online_followers(const Account& account, const std::vector<Bucket>& days) {
    Json values = Json::array();
    for (const auto& bucket : days) {
        Json hours = Json::object();
        for (const auto number : instagram_online(account, bucket.day)) hours[std::to_string(hours.size())] = number;
        values.push_back({{"value", std::move(hours)}, {"end_time", render_graph_time(bucket.stamp)}});
    }
    return values;
}

}  // namespace

Reply answer_instagram_insights(const Call& call, const Account& account) {
    Ask ask;
    if (auto error = read_metrics(call, account, ask)) return *error;
    if (auto error = read_form(call, ask)) return *error;
    if (ask.metrics.front()->demographic())
        return answer_instagram_demographics(call, account,
                                             {ask.metrics, call.request.query.get("breakdown"), ask.total});
    const bool online = ask.metrics.front()->name == "online_followers";
    for (const auto* metric : ask.metrics)
        if (!ask.dimensions.empty() && (!ask.total || !instagram_knows(*metric, ask.dimensions)))
            return unknown_breakdown(call, account);
    if (auto error = read_window(call, ask)) return *error;

    Json data = Json::array();
    const auto days = buckets(account, ask, call.now);
    for (const auto* metric : ask.metrics) {
        if (days.empty() || kept_back(account, *metric)) continue;
        if (online) {
            data.push_back(
                insights_entry(account, metric->name, ask.period, "values", online_followers(account, days)));
        } else if (!ask.total) {
            data.push_back(insights_entry(account, metric->name, ask.period, "values",
                                          series_of(call, account, *metric, ask, days)));
        } else {
            auto content = total_of(call, account, *metric, ask, days);
            const bool without = content.empty();  // follows_and_unfollows without its breakdown
            data.push_back(
                insights_entry(account, metric->name, ask.period, without ? "" : "total_value", std::move(content)));
        }
    }
    Json body{{"data", std::move(data)}};
    if (!body["data"].empty()) body["paging"] = insights_paging(call, ask.since, ask.until);
    return json_reply(200, body);
}

}  // namespace sim
