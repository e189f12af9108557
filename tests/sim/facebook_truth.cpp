// SPDX-License-Identifier: Apache-2.0
// The true numbers of Facebook Pages.
#include "facebook.hpp"
#include "hash.hpp"

#include <algorithm>
#include <array>

namespace sim {
namespace {

using enum FacebookKind;

constexpr auto kMetrics = std::to_array<FacebookMetric>({
    {"page_media_view", count, 0.8},
    {"page_total_media_view_unique", count, 0.3},
    {"page_post_engagements", count, 0.05},
    {"page_total_actions", count, 0.002},
    {"page_views_total", count, 0.01},
    {"page_follows", state},
    {"page_daily_follows", count, 0.0018},
    {"page_daily_follows_unique", count, 0.0015},
    {"page_daily_unfollows_unique", count, 0.0005},
    {"page_video_views", count, 0.15},
    {"page_video_views_paid", video_part, 0, 0},
    {"page_video_views_organic", video_part, 0, 1},
    {"page_video_views_autoplayed", count, 0.1},
    {"page_video_views_click_to_play", count, 0.03},
    {"page_video_views_by_paid_non_paid", video_parts},
    {"page_video_views_by_uploaded_hosted", hosted},
    {"page_video_repeat_views", count, 0.01},
    {"page_video_complete_views_30s", count, 0.04},
    {"page_video_complete_views_30s_paid", count, 0.008},
    {"page_video_complete_views_30s_organic", count, 0.03},
    {"page_video_complete_views_30s_autoplayed", count, 0.02},
    {"page_video_complete_views_30s_click_to_play", count, 0.01},
    {"page_video_complete_views_30s_unique", count, 0.03},
    {"page_video_complete_views_30s_repeat_views", count, 0.003},
    {"page_video_view_time", count, 1800},
    {"page_actions_post_reactions_like_total", reaction, 0, 0},
    {"page_actions_post_reactions_love_total", reaction, 0, 1},
    {"page_actions_post_reactions_wow_total", reaction, 0, 2},
    {"page_actions_post_reactions_haha_total", reaction, 0, 3},
    {"page_actions_post_reactions_sorry_total", reaction, 0, 4},
    {"page_actions_post_reactions_anger_total", reaction, 0, 5},
    {"page_actions_post_reactions_total", reactions, 0.02},
    {"page_fan_adds_by_paid_non_paid_unique", fans},
    {"page_lifetime_engaged_followers_unique", count, 0.2},
    {"page_follows_country", places, 0, 0},
    {"page_follows_city", places, 0, 1},
    {"content_monetization_earnings", earnings, 900},
    {"monetization_approximate_earnings", approximate, 0.09},
});

constexpr std::array<std::string_view, 6> kReactions{"like", "love", "wow", "haha", "sorry", "anger"};
constexpr auto kCountries = std::to_array<std::string_view>({"PT", "BR", "DE", "US", "FR", "JP", "AO", "ES"});
constexpr auto kCities = std::to_array<std::string_view>(
    {"Porto, Porto District, Portugal", "Lisbon, Lisbon District, Portugal", "Berlin, Germany",
     "Recife, Pernambuco, Brazil", "São Paulo, São Paulo (state), Brazil", "St. Louis, Missouri, United States",
     "Tokyo, Japan"});

std::int64_t number_of(const World& world, const Account& account, std::string_view name, Day day, Stage stage) {
    return published(value(world, account, name, find_facebook_metric(name)->rate, day), stage);
}

std::vector<std::int64_t> shares(const World& world, const Account& account, std::string_view name, std::size_t parts,
                                 std::string_view salt, Day day, Stage stage) {
    const auto key = day_key(mix(account.key, hash_text(salt)), day);
    return split(number_of(world, account, name, day, stage), parts, key);
}

FacebookValue paid_and_unpaid(std::int64_t paid, std::int64_t unpaid) {
    return {true, 0, {{"total", paid + unpaid}, {"paid", paid}, {"unpaid", unpaid}}};
}

}  // namespace

std::span<const FacebookMetric> facebook_metrics() {
    return kMetrics;
}

const FacebookMetric* find_facebook_metric(std::string_view name) {
    const auto found = std::find_if(kMetrics.begin(), kMetrics.end(), [name](const auto& m) { return m.name == name; });
    return found == kMetrics.end() ? nullptr : &*found;
}

FacebookValue facebook_value(const World& world, const Account& account, const FacebookMetric& metric, Day day,
                             Stage stage) {
    switch (metric.kind) {
        case count:
            return {false, number_of(world, account, metric.name, day, stage), {}};
        case state:
            return {false,
                    followers(account, midnight(account.zone, day + date::days{1})) +
                        world.added(account, metric.name, day),
                    {}};
        case video_part:
            return {false, shares(world, account, "page_video_views", 2, "paid", day, stage)[metric.part], {}};
        case video_parts: {
            const auto parts = shares(world, account, "page_video_views", 2, "paid", day, stage);
            return paid_and_unpaid(parts[0], parts[1]);
        }
        case hosted: {
            const auto parts = shares(world, account, "page_video_views", 2, "hosted", day, stage);
            return {true, 0, {{"page_uploaded", parts[0]}, {"page_hosted", parts[1]}}};
        }
        case reaction:
            return {false,
                    shares(world, account, "page_actions_post_reactions_total", kReactions.size(), "reactions", day,
                           stage)[metric.part],
                    {}};
        case reactions: {
            const auto parts = shares(world, account, metric.name, kReactions.size(), "reactions", day, stage);
            FacebookValue out{true, 0, {}};
            for (std::size_t i = 0; i < parts.size(); ++i)
                if (parts[i] != 0) out.members.emplace_back(kReactions[i], parts[i]);
            return out;
        }
        case fans: {
            const auto parts = shares(world, account, "page_daily_follows_unique", 2, "fans", day, stage);
            return paid_and_unpaid(parts[0], parts[1]);
        }
        case earnings:
        case approximate:
            return {false, number_of(world, account, metric.name, day, stage), {}};
        case places:
            break;
    }
    return {};
}

std::vector<std::int64_t> facebook_breakdown(const World& world, const Account& account, std::string_view dimension,
                                             Day day, Stage stage) {
    return shares(world, account, "page_media_view", 2, dimension, day, stage);
}

FacebookValue facebook_places(const Account& account, const FacebookMetric& metric, Instant now) {
    const std::span<const std::string_view> names =
        metric.part == 0 ? std::span<const std::string_view>{kCountries} : kCities;
    const auto parts = split(followers(account, now), names.size(), mix(account.key, hash_text(metric.name)));
    FacebookValue out{true, 0, {}};
    for (std::size_t i = 0; i < parts.size(); ++i)
        if (parts[i] != 0) out.members.emplace_back(names[i], parts[i]);
    return out;
}

std::optional<std::int64_t> facebook_counter(const Account& account, std::string_view name, Instant now) {
    if (name == "followers_count") return followers(account, now);
    if (name == "fan_count") return followers(account, now) * 97 / 100;
    return std::nullopt;
}

}  // namespace sim
