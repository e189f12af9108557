// SPDX-License-Identifier: Apache-2.0
// The answers of Snapchat's Public Profile API: the profile now, and its statistics. Times are UTC, parameters
// camelCase.
#include "snapchat_profile.hpp"

#include "hash.hpp"
#include "snapchat.hpp"
#include "tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sim {
namespace {

constexpr std::array<std::string_view, 5> kAssetTypes{"PROFILE", "STORY", "SAVED_STORY", "SPOTLIGHT", "LENS"};
constexpr std::array<std::string_view, 6> kParameters{"assetType", "granularity", "startTime",
                                                      "endTime",   "fields",      "breakdownDimensions"};

enum class Granularity : std::uint8_t { lifetime, day, total };

struct Ask {
    Granularity granularity = Granularity::lifetime;
    std::vector<const ProfileField*> fields;
    Day first{}, last{};  ///< both inclusive
};

Reply invalid(const Call& call, std::string_view what, std::string_view text) {
    return snapchat_error(call, 400, "", fmt::format("Invalid query parameters in request URL: [{}, {}]", what, text));
}

Reply unsupported(const Call& call, std::string_view what) {
    return snapchat_error(call, 400, "E1008", fmt::format("Unsupported Stats Query: {}", what));
}

/// `2026-11-01T00:00:00`, also with `.000`, `Z` or both; never another time of the day.
std::optional<Day> read_midnight(std::string_view text) {
    constexpr std::string_view kMidnight = "T00:00:00";
    if (text.size() < 10 || !text.substr(10).starts_with(kMidnight)) return std::nullopt;
    const auto rest = text.substr(10 + kMidnight.size());
    if (rest != "" && rest != "Z" && rest != ".000" && rest != ".000Z") return std::nullopt;
    return parse_day(text.substr(0, 10));
}

std::optional<Reply> read_form(const Call& call, Ask& ask) {
    const auto& query = call.request.query;
    for (const auto name : query.names())
        if (std::find(kParameters.begin(), kParameters.end(), name) == kParameters.end())
            return invalid(call, "Unknown Parameter", name);
    const auto asset = query.get("assetType", "PROFILE");
    if (std::find(kAssetTypes.begin(), kAssetTypes.end(), asset) == kAssetTypes.end())
        return invalid(call, "Invalid assetType", asset);
    if (asset != "PROFILE")
        return unsupported(call, fmt::format("Asset type {} has no statistics for this profile.", asset));
    if (const auto dimensions = query.get("breakdownDimensions"); !dimensions.empty())
        return invalid(call, "Invalid breakdownDimensions", dimensions);

    const auto granularity = query.get("granularity", "LIFETIME");
    if (granularity == "DAY")
        ask.granularity = Granularity::day;
    else if (granularity == "TOTAL")
        ask.granularity = Granularity::total;
    else if (granularity != "LIFETIME")
        return invalid(call, "Invalid granularity", granularity);

    if (query.get("fields").empty()) return invalid(call, "Missing fields", "");
    for (const auto name : split_list(query.get("fields"))) {
        const auto* field = find_profile_field(name);
        if (field == nullptr || call.world.removed(Platform::snapchat_profile, name))
            return unsupported(call, fmt::format("Field '{}' is not available for asset type PROFILE.", name));
        ask.fields.push_back(field);
    }
    return std::nullopt;
}

std::optional<Reply> read_window(const Call& call, const Account& account, Ask& ask) {
    const auto today = day_of(account.zone, call.now);
    if (ask.granularity == Granularity::lifetime) {
        ask.first = account.created;
        ask.last = today - date::days{1};
        return std::nullopt;
    }
    Day end{};
    for (const auto& [name, into] : {std::pair{"startTime", &ask.first}, std::pair{"endTime", &end}}) {
        const auto* text = call.request.query.find(name);
        if (text == nullptr) return invalid(call, fmt::format("Missing {}", name), "");
        const auto day = read_midnight(*text);
        if (!day) return invalid(call, fmt::format("Invalid {}", name), *text);
        *into = *day;
    }
    if (end <= ask.first) return unsupported(call, "endTime should be after startTime");
    if (end > today) return snapchat_error(call, 400, "E3002", "endTime should not be in the future");
    if (ask.first < today - date::days{kProfileHistory})
        return snapchat_error(call, 400, "E3002", "The date range should be within the past 90 days");
    ask.last = end - date::days{1};
    return std::nullopt;
}

/// One element of `timeseries`: the fields over days that are shown.
Json element(const Call& call, const Account& account, const Ask& ask, const std::vector<Day>& days) {
    Json fields = Json::array();
    for (const auto* field : ask.fields) {
        std::vector<std::int64_t> numbers;
        for (const auto day : days)
            numbers.push_back(profile_value(call.world, account, *field, day, stage(account, day, call.now)));
        std::int64_t sum = 0;
        for (const auto number : numbers) sum += number;
        const auto value = field->kind == ProfileKind::level     ? numbers.back()
                           : field->kind == ProfileKind::people  ? unique_over(numbers)
                           : field->kind == ProfileKind::average ? sum / static_cast<std::int64_t>(numbers.size())
                                                                 : sum;
        // The numbers stand beside the name, as texts.
        fields.push_back(
            {{"field", {{"field_name", field->name}}},
             {"stats", Json::array({{{"dimension_breakdown", "DEFAULT"}, {"value", std::to_string(value)}}})}});
    }
    return Json{{"start_time", render_utc_time(midnight(account.zone, days.front()), true)},
                {"end_time", render_utc_time(midnight(account.zone, days.back() + date::days{1}), true)},
                {"fields", std::move(fields)}};
}

Reply answer_stats(const Call& call, const Account& account) {
    Ask ask;
    if (auto error = read_form(call, ask)) return *error;
    if (auto error = read_window(call, account, ask)) return *error;
    std::vector<Day> shown;
    for (auto day = std::max(ask.first, account.created); day <= ask.last; day += date::days{1})
        if (stage(account, day, call.now) != Stage::hidden) shown.push_back(day);
    Json series = Json::array();
    if (ask.granularity == Granularity::day)
        for (const auto day : shown) series.push_back(element(call, account, ask, {day}));
    else if (!shown.empty())
        series.push_back(element(call, account, ask, shown));
    return json_reply(
        200,
        Json{{"request_status", "SUCCESS"},
             {"request_id", snapchat_request_id(call)},
             {"assets",
              Json::array({Json{{"id", account.id}, {"asset_type", "PROFILE"}, {"timeseries", std::move(series)}}})}});
}

Reply answer_profile(const Call& call, const Account& account) {
    Json profile{{"id", account.id},
                 {"organization_id", make_uuid(mix(account.key, hash_text("organization")))},
                 {"display_name", "Profile " + account.id},
                 {"snap_user_name", "profile." + account.id},
                 {"profile_type", "PUBLIC_PROFILE"},
                 {"profile_tier", "TIER_PUBLIC_OFFICIAL"},
                 {"internal_profile_category", "BUSINESS"}};
    for (const std::string_view name : {"subscriber_count", "spotlight_views"})
        if (!call.world.removed(Platform::snapchat_profile, name))
            if (const auto count = profile_counter(account, name, call.now))
                profile[std::string{name}] = std::to_string(*count);
    profile["l_90_country_code"] = "DE";
    return json_reply(200, Json{{"request_status", "SUCCESS"},
                                {"request_id", snapchat_request_id(call)},
                                {"public_profile", std::move(profile)}});
}

}  // namespace

bool is_profile_path(std::string_view path) {
    return path.starts_with("/v1/public_profiles");
}

Reply answer_snapchat_profile(const Call& call) {
    const auto token = read_token(call.request, call.world, false);
    if (!token.valid_for(Platform::snapchat_profile)) return snapchat_unauthorized(call, token);
    if (call.request.method != "GET") return snapchat_error(call, 405, "", "Method not allowed");
    const auto own = call.world.account(Platform::snapchat_profile, token.account);
    if (!own.enabled)
        return snapchat_error(call, 403, "", "AUTHORIZATION_PERMISSION_DENIED: this client is not enabled");
    const auto path = call.request.segments();  // v1, public_profiles
    if (path.size() < 3 || path.size() > 4 || path[1] != "public_profiles" || (path.size() == 4 && path[3] != "stats"))
        return snapchat_error(call, 404, "E3003", "Resource not found");
    const bool mine = path.size() == 3 && path[2] == "my_profile";
    if (!mine && path[2] != own.id)
        return snapchat_error(call, 403, "",
                              fmt::format("None of the requested actions [READ_PUBLIC_PROFILE] can be authorized. "
                                          "Current user principal: user({}). Container roles: []",
                                          make_uuid(mix(own.key, hash_text("me")))));
    return path.size() == 4 ? answer_stats(call, own) : answer_profile(call, own);
}

}  // namespace sim
