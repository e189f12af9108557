// SPDX-License-Identifier: Apache-2.0
// The Analytics API's channel report.
#include "hash.hpp"
#include "youtube.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace sim {
namespace {

constexpr std::string_view kUnsupported =
    "The query is not supported. Check the documentation at "
    "https://developers.google.com/youtube/analytics/v2/available_reports "
    "for a list of supported queries.";

/// Made-up rates that never change: money in another currency must differ from dollars, and no more.
constexpr std::array<std::pair<std::string_view, double>, 5> kCurrencies{
    {{"USD", 1}, {"EUR", 0.9}, {"GBP", 0.8}, {"JPY", 150}, {"BRL", 5.5}}};

struct Ask {
    std::vector<const YoutubeMetric*> metrics;
    std::vector<std::string_view> dimensions;
    Day first{}, last{};
    std::optional<std::size_t> type;  ///< of the filter
    bool by_type = false;
    double dollar = 1;  ///< in the currency asked for
};

Reply bad_request(std::string_view message) {
    return google_error(400, message, "badRequest", "global", "INVALID_ARGUMENT");
}

std::optional<Reply> read_day(const Query& query, std::string_view name, Day& into) {
    const auto text = query.get(name);
    if (text.empty()) return google_error(400, "Required", "required", "global", "INVALID_ARGUMENT");
    const auto day = parse_day(text);
    if (!day)
        return google_error(400, fmt::format("Could not parse content ({}) of field {}.", text, name), "invalid",
                            "global", "INVALID_ARGUMENT");
    into = *day;
    return std::nullopt;
}

std::optional<Reply> read_metrics(const Call& call, const Account& account, Ask& ask) {
    const auto list = call.request.query.get("metrics");
    if (list.empty()) return google_error(400, "Required", "required", "global", "INVALID_ARGUMENT");
    bool revenue = false;
    for (const auto name : split_list(list)) {
        const auto* metric = find_youtube_metric(name);
        if (metric == nullptr || call.world.removed(Platform::youtube, name))
            return google_error(400, fmt::format("Unknown identifier ({}) given in field parameters.metrics.", name),
                                "invalid", "global", "INVALID_ARGUMENT");
        revenue = revenue || metric->revenue;
        ask.metrics.push_back(metric);
    }
    if (!revenue || account.monetised) return std::nullopt;
    // Seen with both codes; the 401 is not about the token.
    return account.key % 2 == 0 ? google_error(401, "Insufficient permission to access this report.", "unauthorized",
                                               "global", "UNAUTHENTICATED")
                                : google_error(403, "Forbidden", "forbidden", "global", "PERMISSION_DENIED");
}

std::optional<Reply> read_currency(const Query& query, Ask& ask) {
    const auto name = query.get("currency", "USD");
    const auto* const found =
        std::find_if(kCurrencies.begin(), kCurrencies.end(), [name](const auto& known) { return known.first == name; });
    if (found == kCurrencies.end())
        return google_error(400, fmt::format("Invalid value ({}) for field parameters.currency.", name), "invalid",
                            "global", "INVALID_ARGUMENT");
    ask.dollar = found->second;
    return std::nullopt;
}

std::optional<Reply> read_dimensions(const Query& query, Ask& ask) {
    if (const auto* list = query.find("dimensions")) {
        ask.dimensions = split_list(*list);
        for (const auto name : ask.dimensions)
            if (name != "day" && name != "month" && name != "creatorContentType")
                return name == "country" || name == "video" || name == "channel" || name == "gender" ||
                               name == "ageGroup"
                           ? bad_request(kUnsupported)
                           : google_error(
                                 400,
                                 fmt::format("Unknown identifier ({}) given in field parameters.dimensions.", name),
                                 "invalid", "global", "INVALID_ARGUMENT");
        const auto count = [&ask](std::string_view name) {
            return std::count(ask.dimensions.begin(), ask.dimensions.end(), name);
        };
        ask.by_type = count("creatorContentType") > 0;
        if (count("day") + count("month") != 1 || count("creatorContentType") > 1) return bad_request(kUnsupported);
        if (count("month") == 1 && (date::year_month_day{ask.first}.day() != date::day{1} ||
                                    date::year_month_day{ask.last}.day() != date::day{1}))
            return bad_request("The requested dates are not valid for the requested month dimension.");
    }
    if (const auto filters = query.get("filters"); !filters.empty()) {
        constexpr std::string_view kType = "creatorContentType==";
        if (!filters.starts_with(kType)) return bad_request(kUnsupported);
        const auto* const found = std::find(kContentTypes.begin(), kContentTypes.end(), filters.substr(kType.size()));
        if (found == kContentTypes.end()) return bad_request(kUnsupported);
        ask.type = static_cast<std::size_t>(found - kContentTypes.begin());
    }
    return std::nullopt;
}

/// The rows of one day, one month or the whole range.
void add_rows(const Call& call, const Account& account, const Ask& ask, const std::string& label,
              std::span<const Day> days, Json& rows) {
    std::vector<std::optional<std::size_t>> types{ask.type};
    if (ask.by_type && !ask.type) types = {0U, 1U, 2U};
    for (const auto type : types) {
        const bool present = !type || std::any_of(days.begin(), days.end(),
                                                  [&](Day day) { return youtube_active(account, day, *type); });
        if (!present) continue;
        Json row = Json::array();
        for (const auto dimension : ask.dimensions)
            row.push_back(dimension == "creatorContentType" ? Json(kContentTypes[*type]) : Json(label));
        for (const auto* metric : ask.metrics) {
            auto number = youtube_value(call.world, account, *metric, days, type, call.now);
            if (metric->money() && ask.dollar != 1) number = std::round(number * ask.dollar * 1000) / 1000;
            row.push_back(metric->floating ? Json(number) : Json(static_cast<std::int64_t>(number)));
        }
        rows.push_back(std::move(row));
    }
}

std::optional<Reply> sort_rows(const Query& query, const Json& headers, Json& rows) {
    const auto sort = query.get("sort");
    if (sort.empty()) return std::nullopt;
    std::vector<std::pair<std::size_t, bool>> keys;
    for (auto name : split_list(sort)) {
        const bool down = name.starts_with('-');
        if (down) name.remove_prefix(1);
        std::size_t column = 0;
        while (column < headers.size() && headers[column]["name"] != name) ++column;
        if (column == headers.size())
            return google_error(400, fmt::format("Unknown identifier ({}) given in field parameters.sort.", name),
                                "invalid", "global", "INVALID_ARGUMENT");
        keys.emplace_back(column, down);
    }
    std::stable_sort(rows.begin(), rows.end(), [&keys](const Json& a, const Json& b) {
        for (const auto& [column, down] : keys)
            if (a[column] != b[column]) return down ? b[column] < a[column] : a[column] < b[column];
        return false;
    });
    return std::nullopt;
}

std::optional<Reply> cut_rows(const Query& query, Json& rows) {
    const auto number = [&query](std::string_view name, std::int64_t fallback) -> std::optional<std::int64_t> {
        return query.find(name) == nullptr ? fallback : parse_integer(query.get(name));
    };
    const auto start = number("startIndex", 1);
    const auto most = number("maxResults", 1'000'000);
    if (!start || !most || *start < 1 || *most < 1)
        return google_error(400, "Invalid value for startIndex or maxResults.", "invalid", "global",
                            "INVALID_ARGUMENT");
    Json kept = Json::array();
    for (std::size_t i = static_cast<std::size_t>(*start) - 1;
         i < rows.size() && kept.size() < static_cast<std::size_t>(*most); ++i)
        kept.push_back(std::move(rows[i]));
    rows = std::move(kept);
    return std::nullopt;
}

}  // namespace

Reply answer_youtube_report(const Call& call, const std::string& id) {
    const auto& query = call.request.query;
    const auto account = call.world.account(Platform::youtube, id);
    const auto ids = query.get("ids");
    if (ids.empty()) return google_error(400, "Required", "required", "global", "INVALID_ARGUMENT");
    if (ids != "channel==MINE" && ids != "channel==" + id)
        return google_error(403, "Forbidden", "forbidden", "global", "PERMISSION_DENIED");
    Ask ask;
    if (auto error = read_day(query, "startDate", ask.first)) return *error;
    if (auto error = read_day(query, "endDate", ask.last)) return *error;
    if (auto error = read_metrics(call, account, ask)) return *error;
    if (ask.first > ask.last)
        return google_error(400, "The end date must not be before the start date.", "invalid", "global",
                            "INVALID_ARGUMENT");
    if (auto error = read_dimensions(query, ask)) return *error;
    if (auto error = read_currency(query, ask)) return *error;

    const bool monthly = std::find(ask.dimensions.begin(), ask.dimensions.end(), "month") != ask.dimensions.end();
    auto last = ask.last;
    if (monthly) {
        const date::year_month_day ymd{last};
        last = Day{ymd.year() / ymd.month() / date::last};
    }
    std::map<std::string, std::vector<Day>> groups;
    const auto today = day_of(pacific(), call.now);
    for (auto day = std::max(ask.first, account.created); day <= std::min(last, today); day += date::days{1}) {
        if (stage(account, day, call.now) == Stage::hidden) break;  // the end date is cut to the processed days
        if (quiet(account, day)) continue;                          // no activity, no row
        groups[ask.dimensions.empty() ? std::string{} : render_day(day).substr(0, monthly ? 7 : 10)].push_back(day);
    }

    Json headers = Json::array();
    for (const auto name : ask.dimensions)
        headers.push_back({{"name", name}, {"columnType", "DIMENSION"}, {"dataType", "STRING"}});
    for (const auto* metric : ask.metrics)
        headers.push_back(
            {{"name", metric->name}, {"columnType", "METRIC"}, {"dataType", metric->floating ? "FLOAT" : "INTEGER"}});
    Json rows = Json::array();
    for (const auto& [label, days] : groups) add_rows(call, account, ask, label, days, rows);
    if (auto error = sort_rows(query, headers, rows)) return *error;
    if (auto error = cut_rows(query, rows)) return *error;
    Json body{{"kind", "youtubeAnalytics#resultTable"}, {"columnHeaders", std::move(headers)}};
    if (!rows.empty()) body["rows"] = std::move(rows);
    return json_reply(200, body);
}

}  // namespace sim
