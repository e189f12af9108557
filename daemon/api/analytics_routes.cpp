// SPDX-License-Identifier: Apache-2.0
#include "daemon/api/analytics_routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "common/analysis/json.hpp"
#include "common/error.hpp"
#include "common/time_zone.hpp"
#include "common/url.hpp"
#include "daemon/api/explain.hpp"
#include "daemon/api/input.hpp"

namespace tally::api {

/// What the query of every route says.
struct Question {
    std::string user;
    std::optional<std::string> platform, account, source, metric;
    DayRange period;
    Day today;
    bool broken_down = false;
    int limit = 0;
    std::optional<std::string> after;
};

namespace {

using analysis::Series;
using nlohmann::json;
using std::chrono::days;

constexpr days kLongestPeriod{366};
constexpr int kMostDetailed = 200;  // metrics of a page, each with its days: what is answered stays small

std::string user_of(const Request& request) {
    const auto user = request.query_value("user");
    if (!user || user->empty()) throw Error(Fault::usage, "a user is needed", "Add ?user=ID.");
    return *user;
}

Question read_question(const Request& request) {
    const auto page = filter_of(request);
    const auto today = TimeZone::utc().day_of(now());
    const auto last = day_parameter(request, "to").value_or(today);
    const auto first = day_parameter(request, "from").value_or(last - analysis::kDefaultPeriod + days{1});
    if (first > last)
        throw Error(Fault::usage, fmt::format("'from' {} is after 'to' {}", render_day(first), render_day(last)));
    if (last - first >= kLongestPeriod)
        throw Error(Fault::usage, fmt::format("more than {} days are asked for", kLongestPeriod.count()),
                    "Ask for a part of them, or export them.");
    return {.user = user_of(request),
            .platform = page.platform,
            .account = page.account_id,
            .source = request.query_value("source"),
            .metric = request.query_value("metric"),
            .period = {first, last},
            .today = today,
            .limit = page.limit,
            .after = page.after};
}

/// Names are taken as they are: what LIKE would read as a pattern is not one here.
std::optional<std::vector<std::string>> exactly(const std::optional<std::string>& name) {
    if (!name) return std::nullopt;
    std::string pattern;
    for (const char c : *name) {
        if (c == '%' || c == '_' || c == '\\') pattern += '\\';
        pattern += c;
    }
    return std::vector{pattern};
}

std::vector<Series> load(postgres::Session& session, const Question& question, days history = days{0}) {
    auto transaction = session.begin_read_only();
    if (transaction.exec("user_exists", {question.user}).empty())
        throw Error(Fault::missing, fmt::format("there is no user '{}'", question.user));
    const auto first = std::min(analysis::period_before(question.period).first, question.period.first - history);
    const std::vector<std::string> users{question.user};
    std::vector<Series> series;
    for (const auto& row :
         transaction.exec("metric_series", {users, std::nullopt, exactly(question.platform), exactly(question.account),
                                            exactly(question.source), exactly(question.metric), first,
                                            question.period.last, question.broken_down})) {
        auto found = analysis::parse_series(row.view("series"));
        if (analysis::is_known(found, question.period)) series.push_back(std::move(found));
    }
    return series;
}

json head(const Question& question) {
    return {{"user_id", question.user},
            {"from", render_day(question.period.first)},
            {"to", render_day(question.period.last)},
            {"before", analysis::range_json(analysis::period_before(question.period))}};
}

json figures_of(const Series& series, const Question& question) {
    return analysis::figures_json(series, analysis::summarise(series, question.period), question.period,
                                  question.today);
}

json overview_json(postgres::Session& session, const Question& question) {
    auto answer = head(question);
    answer["metrics"] = json::array();
    for (const auto& series : load(session, question, analysis::kAnomalyHistory)) {
        auto metric = figures_of(series, question);
        metric["trend"] = analysis::trend_json(analysis::find_trend(series, question.period.last));
        answer["metrics"].push_back(std::move(metric));
    }
    return answer;
}

/// One list of dates, and for each series as many values: null where there is none.
json charts_json(postgres::Session& session, const Question& question) {
    auto answer = head(question);
    answer["dates"] = answer["series"] = json::array();
    for (auto day = question.period.first; day <= question.period.last; day += days{1})
        answer["dates"].push_back(render_day(day));
    for (const auto& series : load(session, question)) {
        auto entry = analysis::series_json(series);
        const auto nothing = json(answer["dates"].size(), json(nullptr));
        entry["values"] = entry["final"] = nothing;
        bool any = false;
        for (const auto& point : series.points) {
            if (point.day < question.period.first || point.day > question.period.last) continue;
            const auto at = static_cast<std::size_t>((point.day - question.period.first).count());
            entry["values"][at] = point.value;
            entry["final"][at] = point.final;
            any = true;
        }
        if (any) answer["series"].push_back(std::move(entry));
    }
    return answer;
}

std::string cursor_of(const Series& series) {
    return fmt::format("{}/{}/{}/{}", percent_encode(series.platform), percent_encode(series.account_id),
                       percent_encode(series.source), percent_encode(series.metric));
}

/// The parts of a cursor, to be compared as the key is.
std::vector<std::string> read_cursor(std::string_view text) {
    std::vector<std::string> parts;
    for (;;) {
        const auto slash = std::min(text.find('/'), text.size());
        const auto part = percent_decode(text.substr(0, slash));
        if (!part) break;
        parts.push_back(*part);
        if (slash == text.size()) break;
        text.remove_prefix(slash + 1);
    }
    if (parts.size() != 4) throw Error(Fault::usage, "'after' is not what 'next' said");
    return parts;
}

json detailed_json(postgres::Session& session, const Question& question) {
    auto answer = head(question);
    answer["metrics"] = json::array();
    answer["next"] = nullptr;
    std::optional<std::vector<std::string>> after;
    if (question.after) after = read_cursor(*question.after);
    std::string cursor;
    for (const auto& series : load(session, question, analysis::kAnomalyHistory)) {
        if (after && std::vector{series.platform, series.account_id, series.source, series.metric} <= *after) continue;
        if (answer["metrics"].size() == static_cast<std::size_t>(std::min(question.limit, kMostDetailed))) {
            answer["next"] = cursor;
            break;
        }
        auto metric = figures_of(series, question);
        metric["trend"] = analysis::trend_json(analysis::find_trend(series, question.period.last));
        metric["points"] = analysis::points_json(series, question.period);
        metric["anomalies"] = json::array();
        for (const auto& anomaly : analysis::find_anomalies(series, question.period))
            metric["anomalies"].push_back(analysis::anomaly_json(anomaly, series));
        answer["metrics"].push_back(std::move(metric));
        cursor = cursor_of(series);
    }
    return answer;
}

/// The largest growth first; what cannot be compared is left out.
json growth_json(postgres::Session& session, const Question& question) {
    auto answer = head(question);
    std::vector<json> metrics;
    for (const auto& series : load(session, question)) {
        auto metric = figures_of(series, question);
        if (!metric["change_percent"].is_null()) metrics.push_back(std::move(metric));
    }
    std::stable_sort(metrics.begin(), metrics.end(), [](const json& a, const json& b) {
        return a["change_percent"].get<double>() > b["change_percent"].get<double>();
    });
    if (metrics.size() > static_cast<std::size_t>(question.limit))
        metrics.resize(static_cast<std::size_t>(question.limit));
    answer["metrics"] = std::move(metrics);
    return answer;
}

/// Broken-down metrics by what they are broken down by: "views.media_product_type.reel" is the part "reel" of "views"
/// by "media_product_type".
json content_json(postgres::Session& session, const Question& question) {
    auto answer = head(question);
    auto& breakdowns = answer["breakdowns"] = json::array();
    using Place = std::tuple<std::string, std::string, std::string, std::string, std::string>;
    std::optional<Place> place;
    for (const auto& series : load(session, question)) {
        const auto [base, dimension, name] = analysis::split_metric(series.metric);
        if (name.empty()) continue;
        const Place here{series.platform, series.account_id, series.source, std::string{base}, std::string{dimension}};
        if (place != here) {
            auto entry = analysis::series_json(series);
            entry["metric"] = base;
            entry["dimension"] = dimension;
            entry["parts"] = json::array();
            breakdowns.push_back(std::move(entry));
            place = here;
        }
        auto part = figures_of(series, question);
        part["part"] = name;
        breakdowns.back()["parts"].push_back(std::move(part));
    }
    return answer;
}

}  // namespace

void AnalyticsRoutes::add_to(Router& router) {
    const auto add = [&](const char* method, const char* pattern, Handler handler) {
        router.add(method, pattern, Access::guarded, std::move(handler));
    };
    const auto about = [this](Tell tell, bool broken_down) -> Handler {
        return [this, tell, broken_down](const Request& request) { return answer(request, tell, broken_down); };
    };
    add("GET", "/api/analytics/overview", about(overview_json, false));
    add("GET", "/api/analytics/charts", about(charts_json, false));
    add("GET", "/api/analytics/detailed", about(detailed_json, true));
    add("GET", "/api/analytics/growth", about(growth_json, false));
    add("GET", "/api/analytics/content", about(content_json, true));
    add("GET", "/api/analytics/jobs", [this](const Request& request) { return jobs(request); });
    add("GET", "/api/internal/explain", [this](const Request& request) { return explain(request); });
}

AnalyticsRoutes::Answer AnalyticsRoutes::answer(const Request& request, Tell tell, bool broken_down) {
    auto question = read_question(request);
    question.broken_down = broken_down;
    auto work = [question, tell](postgres::Session& session) { return tell(session, question); };
    co_return Response::data(co_await with_session(parts_, std::move(work)));
}

AnalyticsRoutes::Answer AnalyticsRoutes::jobs(const Request& request) {
    auto filter = job_filter_of(request);
    filter.user_id = user_of(request);
    auto work = [filter](store::Views& views) { return views.jobs(filter); };
    co_return Response::data(co_await with_views(parts_, std::move(work)));
}

AnalyticsRoutes::Answer AnalyticsRoutes::explain(const Request& request) {
    const auto needed = [&](const char* name) {
        const auto value = request.query_value(name);
        if (!value || value->empty()) throw Error(Fault::usage, fmt::format("'{}' is missing", name));
        return *value;
    };
    const auto day = day_parameter(request, "date");
    if (!day) throw Error(Fault::usage, "'date' is missing");
    const auto platform = parts_.dispatcher.rules()->catalog.find(needed("platform"));
    const NumberName name{
        .user_id = user_of(request),
        .platform = needed("platform"),
        .account_id = needed("account"),
        .source = request.query_value("source").value_or(platform ? platform->source : "social_media"),
        .metric = needed("metric"),
        .day = *day};
    auto work = [name, rules = parts_.dispatcher.rules()](postgres::Session& session) {
        return api::explain(*rules, session, name, now());
    };
    co_return Response::data(co_await with_session(parts_, std::move(work)));
}

}  // namespace tally::api
