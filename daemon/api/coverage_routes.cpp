// SPDX-License-Identifier: Apache-2.0
// Puts platform files and coverage rows together.
#include "daemon/api/coverage_routes.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/or_null.hpp"
#include "daemon/api/input.hpp"
#include "daemon/platform/target.hpp"
#include "daemon/store/coverage_rows.hpp"

namespace tally::api {

namespace {

using nlohmann::json;
using std::chrono::days;

constexpr days kDay{1};
constexpr days kDefaultDays{30};
constexpr days kMostDays{3'660};
constexpr int kPage = 50;  // connections of one answer, each with all its requests

std::optional<std::int64_t> after_parameter(const Request& request) {
    const auto text = request.query_value("after");
    if (!text) return std::nullopt;
    return read_number(*text);
}

std::string_view window_name(platform::Request::Window window) noexcept {
    switch (window) {
        case platform::Request::Window::now:
            return "now";
        case platform::Request::Window::day:
            return "day";
        case platform::Request::Window::range:
            break;
    }
    return "range";
}

json spans_json(const std::vector<platform::KnownSpan>& spans) {
    json list = json::array();
    for (const auto& span : spans)
        list.push_back({{"first", render_day(span.days.first)},
                        {"last", render_day(span.days.last)},
                        {"state", platform::to_text(span.state)},
                        {"asked_at", or_null(span.asked_at)}});
    return list;
}

json refusals_json(const std::vector<store::RefusedMetric>& refusals) {
    json list = json::array();
    for (const auto& refused : refusals)
        list.push_back({{"request", refused.request},
                        {"metric", or_null(refused.metric)},
                        {"everywhere", refused.everywhere},
                        {"since", render_instant(refused.since)},
                        {"code", refused.code},
                        {"message", refused.message}});
    return list;
}

json requests_json(postgres::Transaction& transaction, const platform::Platform& platform, const std::string& user,
                   const store::CoveredConnection& connection, DayRange range, Instant now) {
    const auto zone = platform::find_day_zone(platform, connection.attributes);
    json list = json::array();
    for (const auto& entry : store::known_days(transaction, platform, user, connection, range, now))
        list.push_back({{"request", entry.request->name},
                        {"window", window_name(entry.request->window)},
                        {"metrics", entry.metrics},
                        {"zone", zone ? json(zone->name()) : json(nullptr)},
                        {"days", spans_json(entry.days)}});
    return list;
}

void check_found(postgres::Transaction& transaction, const CoverageQuery& query) {
    const auto& user = *query.user;
    if (transaction.exec("user_exists", {user}).empty())
        throw Error(Fault::missing, fmt::format("there is no user '{}'", user), "See 'tallyctl user list'.");
    if (!query.platform) return;
    const auto what = query.account ? fmt::format("{} account '{}'", *query.platform, *query.account)
                                    : fmt::format("connection to '{}'", *query.platform);
    throw Error(Fault::missing, fmt::format("user '{}' has no {}", user, what),
                fmt::format("'tallyctl connection list --user {}' shows what there is.", user));
}

json connections_json(const platform::Catalog& catalog, postgres::Transaction& transaction, const CoverageQuery& query,
                      Instant now) {
    const auto found = store::covered_connections(transaction, {.user_id = *query.user,
                                                                .platform = query.platform,
                                                                .account_id = query.account,
                                                                .after = query.after,
                                                                .limit = kPage});
    if (found.empty() && !query.after) check_found(transaction, query);
    json list = json::array();
    for (const auto& connection : found) {
        const auto platform = catalog.find(connection.platform);
        // A platform whose file was taken away: its connections stay in the list.
        auto requests =
            platform ? requests_json(transaction, *platform, *query.user, connection, query.days, now) : json::array();
        list.push_back({{"user_id", *query.user},
                        {"platform", connection.platform},
                        {"account_id", connection.account_id},
                        {"state", connection.state},
                        {"requests", std::move(requests)},
                        {"refused", refusals_json(connection.refused)}});
    }
    return {{"connections", std::move(list)},
            {"next", found.size() == kPage ? json(found.back().connection_id) : json(nullptr)}};
}

/// The days of all requests up to yesterday; those of the moment in every slot keep no coverage to count.
std::vector<store::WantedDays> wanted_days(const platform::Catalog& catalog, DayRange range, Instant now) {
    std::vector<store::WantedDays> wanted;
    for (const auto& platform : catalog.all()) {
        const auto today = platform->day.zone.value_or(TimeZone::utc()).day_of(now);
        for (const auto& request : platform->requests) {
            if (platform::keeps_no_coverage(request)) continue;
            const auto askable = platform::askable_days(request, today, range.first);
            const DayRange span{std::max(range.first, askable.first),
                                std::min({range.last, askable.last, today - kDay})};
            if (span.first <= span.last)
                wanted.push_back({.platform = platform.get(), .request = &request, .days = span});
        }
    }
    return wanted;
}

json groups_json(const platform::Catalog& catalog, postgres::Transaction& transaction, const CoverageQuery& query,
                 Instant now) {
    json list = json::array();
    for (const auto& total : store::coverage_totals(transaction, query.platform, wanted_days(catalog, query.days, now)))
        list.push_back({{"platform", total.platform},
                        {"tier", total.tier},
                        {"connections", total.connections},
                        {"days", total.days},
                        {"final", total.settled},
                        {"refused", total.refused},
                        {"gaps", total.gaps},
                        {"estimated", total.estimated}});
    return {{"groups", std::move(list)}};
}

}  // namespace

CoverageQuery read_coverage_query(const Request& request, Instant now) {
    const auto today = TimeZone::utc().day_of(now);
    const auto last = day_parameter(request, "to").value_or(today);
    const auto first = day_parameter(request, "from").value_or(last - kDefaultDays + kDay);
    CoverageQuery query{.user = request.query_value("user"),
                        .platform = request.query_value("platform"),
                        .account = request.query_value("account"),
                        .after = after_parameter(request),
                        .days = {first, last}};
    if (first > last)
        throw Error(Fault::usage, fmt::format("'from' {} is after 'to' {}", render_day(first), render_day(last)));
    if (last - first >= kMostDays)
        throw Error(Fault::usage, fmt::format("more than {} days are asked for", kMostDays.count()),
                    "Ask for a part of them.");
    if (query.account && (!query.user || !query.platform))
        throw Error(Fault::usage, "an account is named without user and platform");
    return query;
}

json coverage_json(const platform::Catalog& catalog, postgres::Session& session, const CoverageQuery& query,
                   Instant now) {
    auto transaction = session.begin_read_only();
    auto result =
        query.user ? connections_json(catalog, transaction, query, now) : groups_json(catalog, transaction, query, now);
    result["from"] = render_day(query.days.first);
    result["to"] = render_day(query.days.last);
    return result;
}

void CoverageRoutes::add_to(Router& router) {
    router.add("GET", "/api/internal/coverage", Access::guarded,
               [this](const Request& request) { return show(request); });
}

boost::asio::awaitable<Response> CoverageRoutes::show(const Request& request) {
    const auto query = read_coverage_query(request, now());
    if (query.platform) check_platform(parts_, *query.platform);
    auto work = [query, rules = parts_.dispatcher.rules()](postgres::Session& session) {
        return coverage_json(rules->catalog, session, query, now());
    };
    co_return Response::data(co_await with_session(parts_, std::move(work)));
}

}  // namespace tally::api
