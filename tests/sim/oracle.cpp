// SPDX-License-Identifier: Apache-2.0
// What a perfect collector holds of an account: computed from the truth, never from an answer.
#include "oracle.hpp"

#include "facebook.hpp"
#include "instagram.hpp"
#include "snapchat.hpp"
#include "snapchat_profile.hpp"
#include "twitch.hpp"
#include "youtube.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace sim {
namespace {

using Row = std::function<void(OracleRow)>;
using Names = std::initializer_list<std::string_view>;

constexpr std::string_view kSocial = "social_media";

std::string lower(std::string_view text) {
    std::string out{text};
    for (auto& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

std::string joined(std::string_view metric, std::string_view dimension, std::string_view value) {
    return std::string{metric} + "." + std::string{dimension} + "." + lower(value);
}

/// `metric.dimension.value.dimension.value`
std::string joined(std::string_view metric, const std::vector<std::string_view>& dimensions,
                   const std::vector<std::string_view>& values) {
    std::string out{metric};
    for (std::size_t i = 0; i < dimensions.size(); ++i) out = joined(out, dimensions[i], values[i]);
    return out;
}

/// Whether the oracle was asked for the day that "now" numbers are dated with.
bool wants_now(const OracleAsk& ask) {
    const auto today = day_of(ask.account.zone, ask.at);
    return today >= ask.from && today <= ask.to;
}

void add_counters(const World& world, const OracleAsk& ask, Names names,
                  std::optional<std::int64_t> (*counter)(const Account&, std::string_view, Instant), const Row& row) {
    if (!wants_now(ask)) return;
    const auto today = day_of(ask.account.zone, ask.at);
    for (const auto name : names)
        if (const auto count = counter(ask.account, name, ask.at); count && !world.removed(ask.account.platform, name))
            row({kSocial, std::string{name}, today, *count});
}

void instagram_day(const World& world, const OracleAsk& ask, Day day, Stage stage, const Row& row) {
    const auto today = day_of(pacific(), ask.at);
    const auto& account = ask.account;
    const date::year_month_day ymd{today};
    if (quiet(account, day) || day < Day{(ymd.year() - date::years{2}) / ymd.month() / ymd.day()}) return;
    for (const std::string_view name :
         {"reach", "views", "accounts_engaged", "total_interactions", "likes", "comments", "shares", "saves", "replies",
          "reposts", "profile_links_taps", "profile_views", "website_clicks", "follower_count"}) {
        if (world.removed(Platform::instagram, name)) continue;
        if (name == "follower_count" && (account.small() || day < today - date::days{28})) continue;
        row({kSocial, std::string{name}, day,
             instagram_total(world, account, *find_instagram_metric(name), day, stage)});
    }
    const auto categories = [&](std::initializer_list<std::string_view> dimensions, Names names) {
        for (const auto name : names) {
            if (world.removed(Platform::instagram, name)) continue;
            if (name == "follows_and_unfollows" && account.small()) continue;
            const std::vector<std::string_view> order{dimensions};
            for (const auto& category :
                 instagram_categories(world, account, *find_instagram_metric(name), order, day, stage))
                row({kSocial, joined(name, order, category.values), day, category.value});
        }
    };
    categories({"follow_type"}, {"reach", "views", "follows_and_unfollows"});
    categories({"media_product_type"},
               {"reach", "views", "total_interactions", "likes", "comments", "shares", "saves"});
    categories({"media_product_type", "follow_type"}, {"reach"});
    categories({"contact_button_type"}, {"profile_links_taps"});
    if (account.small() || day < today - date::days{30} || world.removed(Platform::instagram, "online_followers"))
        return;
    int hour = 0;
    for (const auto online : instagram_online(account, day))
        row({kSocial, "online_followers." + std::to_string(hour++), day, online});
}

void instagram_now(const World& world, const OracleAsk& ask, Day today, const Row& row) {
    for (const auto& metric : instagram_metrics()) {
        if (!metric.demographic() || !instagram_offers(world, ask.account, metric.name)) continue;
        for (const std::string_view dimensions : {"age", "gender", "country", "city", "age,gender"})
            for (const auto& category : instagram_demographics(ask.account, metric, dimensions, false, ask.at))
                row({kSocial, joined(metric.name, split_list(dimensions), category.values), today, category.value});
    }
}

void facebook_day(const World& world, const OracleAsk& ask, Day day, Stage stage, const Row& row) {
    const auto& account = ask.account;
    if (account.small() || day < day_of(pacific(), ask.at) - date::days{2 * 365}) return;
    for (const auto& metric : facebook_metrics()) {
        const bool asked = metric.kind != FacebookKind::places && (account.monetised || !metric.money());
        if (!asked || world.removed(Platform::facebook, metric.name)) continue;
        const auto value = facebook_value(world, account, metric, day, stage);
        const std::string name{metric.name};
        if (metric.kind == FacebookKind::approximate)
            row({kSocial, name, day, static_cast<double>(value.number) / 100});
        else if (!value.object)
            row({kSocial, name, day, value.number});
        for (const auto& [member, number] : value.members) row({kSocial, name + "." + lower(member), day, number});
    }
    if (world.removed(Platform::facebook, "page_media_view")) return;
    for (const std::string_view dimension : {"is_from_ads", "is_from_followers"}) {
        const auto parts = facebook_breakdown(world, account, dimension, day, stage);
        for (std::size_t i = 0; i < parts.size(); ++i)
            if (parts[i] != 0) row({kSocial, joined("page_media_view", dimension, std::to_string(i)), day, parts[i]});
    }
}

void facebook_now(const World& world, const OracleAsk& ask, Day today, const Row& row) {
    if (ask.account.small()) return;
    for (const auto& metric : facebook_metrics()) {
        if (metric.kind != FacebookKind::places || world.removed(Platform::facebook, metric.name)) continue;
        for (const auto& [place, number] : facebook_places(ask.account, metric, ask.at).members)
            row({kSocial, std::string{metric.name} + "." + lower(place), today, number});
    }
}

void youtube_day(const World& world, const OracleAsk& ask, Day day, const Row& row) {
    if (quiet(ask.account, day)) return;
    const std::array days{day};
    const auto put = [&](const YoutubeMetric& metric, std::string name, std::optional<std::size_t> type) {
        const auto value = youtube_value(world, ask.account, metric, days, type, ask.at);
        if (metric.floating)
            row({kSocial, std::move(name), day, value});
        else
            row({kSocial, std::move(name), day, static_cast<std::int64_t>(value)});
    };
    for (const auto& metric : youtube_metrics()) {
        const bool refused = metric.revenue && !ask.account.monetised;
        if (refused || metric.name.starts_with("annotation") || world.removed(Platform::youtube, metric.name)) continue;
        put(metric, std::string{metric.name}, std::nullopt);
        for (std::size_t type = 0; type < kContentTypes.size(); ++type)
            if (youtube_active(ask.account, day, type))
                put(metric, joined(metric.name, "creatorcontenttype", kContentTypes[type]), type);
    }
}

void snapchat_rows(const World& world, const OracleAsk& ask, Day day, const Row& row) {
    if (!snapchat_visible(ask.account, day, ask.at)) return;
    for (const auto& [name, field] : snapchat_fields()) {
        if (field.kind != SnapchatKind::additive || name.starts_with("coupon_")) continue;
        if (world.removed(Platform::snapchat, name) || snapchat_too_early(ask.account, field, day, ask.at)) continue;
        row({"ads", name, day, snapchat_day(world, ask.account, field, day, ask.at)});
    }
}

void profile_day(const World& world, const OracleAsk& ask, Day day, Stage stage, const Row& row) {
    if (day < day_of(ask.account.zone, ask.at) - date::days{kProfileHistory}) return;
    for (const auto& field : profile_fields())
        if (!world.removed(Platform::snapchat_profile, field.name))
            row({kSocial, std::string{field.name}, day, profile_value(world, ask.account, field, day, stage)});
}

}  // namespace

void consult_oracle(const World& world, const OracleAsk& ask, const Row& row) {
    const auto& account = ask.account;
    const auto last = std::min(ask.to, day_of(account.zone, ask.at));
    for (auto day = std::max(ask.from, account.created); day <= last; day += date::days{1}) {
        if (account.platform == Platform::snapchat) {
            snapchat_rows(world, ask, day, row);
            continue;
        }
        if (account.platform == Platform::twitch) {
            if (!world.removed(Platform::twitch, "clips"))
                row({kSocial, "clips", day, twitch_clip_count(world, account, day, ask.at)});
            continue;
        }
        const auto shown = stage(account, day, ask.at);
        if (shown == Stage::hidden) continue;
        if (account.platform == Platform::instagram)
            instagram_day(world, ask, day, shown, row);
        else if (account.platform == Platform::facebook)
            facebook_day(world, ask, day, shown, row);
        else if (account.platform == Platform::snapchat_profile)
            profile_day(world, ask, day, shown, row);
        else
            youtube_day(world, ask, day, row);
    }
    if (account.platform == Platform::instagram)
        add_counters(world, ask, {"followers_count", "follows_count", "media_count"}, instagram_counter, row);
    else if (account.platform == Platform::twitch)
        add_counters(world, ask, {"followers", "subscribers", "subscriber_points"}, twitch_counter, row);
    else if (account.platform == Platform::facebook)
        add_counters(world, ask, {"followers_count", "fan_count"}, facebook_counter, row);
    else if (account.platform == Platform::youtube)
        add_counters(world, ask, {"subscriberCount", "viewCount", "videoCount"}, youtube_counter, row);
    else if (account.platform == Platform::snapchat_profile)
        add_counters(world, ask, {"subscriber_count", "spotlight_views"}, profile_counter, row);
    if (!wants_now(ask)) return;
    const auto today = day_of(account.zone, ask.at);
    if (account.platform == Platform::instagram) instagram_now(world, ask, today, row);
    if (account.platform == Platform::facebook) facebook_now(world, ask, today, row);
}

}  // namespace sim
