// SPDX-License-Identifier: Apache-2.0
// The true numbers of Instagram accounts.
#include "hash.hpp"
#include "instagram.hpp"

#include <algorithm>

namespace sim {
namespace {

constexpr std::array<std::string_view, 5> kMedia{"AD", "POST", "REEL", "STORY", "CAROUSEL_CONTAINER"};
constexpr std::array<std::string_view, 3> kFollow{"FOLLOWER", "NON_FOLLOWER", "UNKNOWN"};
constexpr std::array<std::string_view, 6> kContact{"BOOK_NOW", "CALL", "DIRECTION", "EMAIL", "TEXT", "UNDEFINED"};

constexpr auto kMetrics = std::to_array<InstagramMetric>({
    {.name = "reach", .rate = 0.35, .series = true, .media = true, .follow = true, .unique = true},
    {.name = "views", .rate = 0.9, .media = true, .follow = true},
    {.name = "accounts_engaged", .rate = 0.03, .unique = true},
    {.name = "total_interactions", .rate = 0.06, .media = true},
    {.name = "likes", .rate = 0.04, .media = true},
    {.name = "comments", .rate = 0.003, .media = true},
    {.name = "shares", .rate = 0.004, .media = true},
    {.name = "saves", .rate = 0.005, .media = true},
    {.name = "replies", .rate = 0.0008},
    {.name = "reposts", .rate = 0.0012},
    {.name = "follows_and_unfollows", .rate = 0.002, .follow = true},
    {.name = "profile_links_taps", .rate = 0.004, .contact = true},
    {.name = "follower_count", .rate = 0.002, .series = true, .total = false},
    {.name = "profile_views", .rate = 0.02},
    {.name = "website_clicks", .rate = 0.003},
    {.name = "content_views", .rate = 0.8},
    {.name = "quotes", .rate = 0.0005},
    {.name = "threads_views", .rate = 0.05},
    {.name = "threads_likes", .rate = 0.004},
    {.name = "threads_replies", .rate = 0.0006},
    {.name = "threads_reposts", .rate = 0.0004},
    {.name = "threads_quotes", .rate = 0.0002},
    {.name = "threads_clicks", .rate = 0.001},
    {.name = "online_followers", .rate = 0.1, .series = true, .total = false, .lifetime = true},
    {.name = "follower_demographics", .rate = 1, .lifetime = true},
    {.name = "engaged_audience_demographics", .rate = 0.2, .lifetime = true},
    {.name = "reached_audience_demographics", .rate = 0.6, .lifetime = true},
});

void add_nonzero(std::vector<Category>& into, std::vector<std::string_view> values, std::int64_t value) {
    if (value != 0) into.push_back({std::move(values), value});
}

/// The two-dimensional table that both of its margins are taken from, so that all three answers agree.
std::vector<Category> cells(const World& world, const Account& account, const InstagramMetric& metric,
                            std::span<const std::string_view> dimensions, Day day, Stage stage) {
    auto total = instagram_total(world, account, metric, day, stage);
    if (metric.unique) total += total / 5;  // one person is seen in several categories
    const auto key = day_key(mix(account.key, hash_text(metric.name)), day);
    const auto media = split(total, kMedia.size(), mix(key, hash_text("media")));
    std::array<std::array<std::int64_t, kFollow.size()>, kMedia.size()> table{};
    for (std::size_t m = 0; m < kMedia.size(); ++m) {
        const auto follow = split(media[m], kFollow.size(), mix(key, m + 100));
        std::copy(follow.begin(), follow.end(), table[m].begin());
    }
    std::vector<Category> out;
    if (dimensions.size() == 2) {
        const bool media_first = dimensions.front() == "media_product_type";
        for (std::size_t m = 0; m < kMedia.size(); ++m)
            for (std::size_t f = 0; f < kFollow.size(); ++f)
                add_nonzero(out, media_first ? std::vector{kMedia[m], kFollow[f]} : std::vector{kFollow[f], kMedia[m]},
                            table[m][f]);
    } else if (dimensions.front() == "media_product_type") {
        for (std::size_t m = 0; m < kMedia.size(); ++m) add_nonzero(out, {kMedia[m]}, media[m]);
    } else {
        for (std::size_t f = 0; f < kFollow.size(); ++f) {
            std::int64_t sum = 0;
            for (const auto& row : table) sum += row[f];
            add_nonzero(out, {kFollow[f]}, sum);
        }
    }
    return out;
}

}  // namespace

std::span<const InstagramMetric> instagram_metrics() {
    return kMetrics;
}

const InstagramMetric* find_instagram_metric(std::string_view name) {
    const auto found = std::find_if(kMetrics.begin(), kMetrics.end(), [name](const auto& m) { return m.name == name; });
    return found == kMetrics.end() ? nullptr : &*found;
}

bool instagram_knows(const InstagramMetric& metric, std::span<const std::string_view> dimensions) {
    if (dimensions.size() > 2 || (dimensions.size() == 2 && dimensions[0] == dimensions[1])) return false;
    return std::all_of(dimensions.begin(), dimensions.end(), [&metric](std::string_view dimension) {
        return (metric.media && dimension == "media_product_type") || (metric.follow && dimension == "follow_type") ||
               (metric.contact && dimension == "contact_button_type");
    });
}

std::int64_t instagram_total(const World& world, const Account& account, const InstagramMetric& metric, Day day,
                             Stage stage) {
    return published(value(world, account, metric.name, metric.rate, day), stage);
}

std::vector<Category> instagram_categories(const World& world, const Account& account, const InstagramMetric& metric,
                                           std::span<const std::string_view> dimensions, Day day, Stage stage) {
    std::vector<Category> out;
    if (metric.name == "follows_and_unfollows") {  // not parts of a whole: who came and who left
        add_nonzero(out, {kFollow[0]}, instagram_total(world, account, metric, day, stage));
        const auto left = value(world, account, "follows_and_unfollows/left", metric.rate / 3, day);
        add_nonzero(out, {kFollow[1]}, published(left, stage));
        return out;
    }
    if (metric.contact) {
        const auto key = day_key(mix(account.key, hash_text(metric.name)), day);
        const auto shares = split(instagram_total(world, account, metric, day, stage), kContact.size(), key);
        for (std::size_t i = 0; i < kContact.size(); ++i) add_nonzero(out, {kContact[i]}, shares[i]);
        return out;
    }
    return cells(world, account, metric, dimensions, day, stage);
}

std::vector<std::int64_t> instagram_online(const Account& account, Day day) {
    const auto draw = day_key(mix(account.key, hash_text("online_followers")), day);
    std::vector<std::int64_t> hours;
    if (draw % 3 == 0) return hours;
    const auto present = static_cast<double>(followers(account, midnight(pacific(), day + date::days{1})));
    for (std::uint64_t hour = 0; hour < 24; ++hour)
        hours.push_back(1 + static_cast<std::int64_t>(present * (0.02 + 0.2 * unit(mix(draw, hour)))));
    return hours;
}

bool instagram_offers(const World& world, const Account& account, std::string_view metric) {
    if (metric == "reached_audience_demographics" && !account.reached_demographics) return false;
    return !world.removed(Platform::instagram, metric);
}

std::optional<std::int64_t> instagram_counter(const Account& account, std::string_view name, Instant now) {
    if (name == "followers_count") return followers(account, now);
    if (name == "follows_count") return level(account, name, 50 + 700 * unit(mix(account.key, hash_text(name))), now);
    if (name == "media_count") return level(account, name, 20 + 2000 * unit(mix(account.key, hash_text(name))), now);
    return std::nullopt;
}

}  // namespace sim
