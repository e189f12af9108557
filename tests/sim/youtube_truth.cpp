// SPDX-License-Identifier: Apache-2.0
// The true numbers of YouTube channels.
#include "hash.hpp"
#include "youtube.hpp"

#include <algorithm>
#include <cmath>

namespace sim {
namespace {

constexpr auto kMetrics = std::to_array<YoutubeMetric>({
    {"views", 0.3},
    {"engagedViews", 0.18},
    {"redViews", 0.02},
    {"estimatedMinutesWatched", 0.9},
    {"estimatedRedMinutesWatched", 0.06},
    {"averageViewDuration", 0},
    {"averageViewPercentage", 0, true},
    {"subscribersGained", 0.0012},
    {"subscribersLost", 0.0004},
    {"likes", 0.01},
    {"dislikes", 0.0005},
    {"comments", 0.001},
    {"shares", 0.002},
    {"videosAddedToPlaylists", 0.003},
    {"videosRemovedFromPlaylists", 0.001},
    {"cardImpressions", 0.05},
    {"cardClicks", 0.001},
    {"cardTeaserImpressions", 0.08},
    {"cardTeaserClicks", 0.002},
    {"cardClickRate", 0, true},
    {"cardTeaserClickRate", 0, true},
    {"annotationImpressions", 0.00001},
    {"annotationClicks", 0.000001},
    {"estimatedRevenue", 0, true, true},
    {"estimatedAdRevenue", 0.7, true, true},
    {"grossRevenue", 1.2, true, true},
    {"estimatedRedPartnerRevenue", 0.08, true, true},
    {"monetizedPlaybacks", 0.1, false, true},
    {"adImpressions", 0.13, false, true},
    {"playbackBasedCpm", 0, true, true},
    {"cpm", 0, true, true},
});

std::int64_t day_count(const World& world, const Account& account, std::string_view name, Day day,
                       std::optional<std::size_t> type, Instant now) {
    const auto total =
        published(value(world, account, name, find_youtube_metric(name)->rate, day), stage(account, day, now));
    if (!type) return total;
    if (!youtube_active(account, day, *type)) return 0;
    // Subscribers who come and go away from any video belong to no type.
    const auto shared = name.starts_with("subscribers") ? total - (total + 9) / 10 : total;
    const auto shares = split(shared, kContentTypes.size(), day_key(mix(account.key, hash_text(name)), day));
    auto share = shares[*type];
    if (*type == 1)  // the type that is always there takes what the absent ones would have had
        for (const std::size_t other : {0U, 2U})
            if (!youtube_active(account, day, other)) share += shares[other];
    return share;
}

double sum(const World& world, const Account& account, std::string_view name, std::span<const Day> days,
           std::optional<std::size_t> type, Instant now) {
    std::int64_t total = 0;
    for (const auto day : days) total += day_count(world, account, name, day, type, now);
    return static_cast<double>(total);
}

double rounded(double number, double unit_of_last_digit) {
    return std::round(number * unit_of_last_digit) / unit_of_last_digit;
}

}  // namespace

std::span<const YoutubeMetric> youtube_metrics() {
    return kMetrics;
}

const YoutubeMetric* find_youtube_metric(std::string_view name) {
    const auto found = std::find_if(kMetrics.begin(), kMetrics.end(), [name](const auto& m) { return m.name == name; });
    return found == kMetrics.end() ? nullptr : &*found;
}

bool youtube_active(const Account& account, Day day, std::size_t type) {
    return type == 1 || mix(day_key(account.key, day), type + 50) % 4 != 0;
}

double youtube_value(const World& world, const Account& account, const YoutubeMetric& metric, std::span<const Day> days,
                     std::optional<std::size_t> type, Instant now) {
    const auto of = [&](std::string_view name) { return sum(world, account, name, days, type, now); };
    const auto ratio = [](double part, double whole) { return whole == 0 ? 0.0 : part / whole; };
    if (metric.name == "averageViewDuration") return std::floor(ratio(of("estimatedMinutesWatched") * 60, of("views")));
    if (metric.name == "averageViewPercentage") {
        double weighted = 0;
        for (const auto day : days) {
            const auto percent = 20 + 50 * unit(mix(day_key(account.key, day), type.value_or(9) + 70));
            weighted += percent * static_cast<double>(day_count(world, account, "views", day, type, now));
        }
        return rounded(ratio(weighted, of("views")), 100);
    }
    if (metric.name == "cardClickRate") return rounded(ratio(of("cardClicks"), of("cardImpressions")), 10000);
    if (metric.name == "cardTeaserClickRate")
        return rounded(ratio(of("cardTeaserClicks"), of("cardTeaserImpressions")), 10000);
    if (metric.name == "estimatedRevenue") return (of("estimatedAdRevenue") + of("estimatedRedPartnerRevenue")) / 1000;
    // Of a thousand, in dollars: the thousandths cancel out.
    if (metric.name == "cpm") return rounded(ratio(of("grossRevenue"), of("adImpressions")), 1000);
    if (metric.name == "playbackBasedCpm") return rounded(ratio(of("grossRevenue"), of("monetizedPlaybacks")), 1000);
    if (metric.money()) return of(metric.name) / 1000;
    return of(metric.name);
}

std::optional<std::int64_t> youtube_counter(const Account& account, std::string_view name, Instant now) {
    if (name == "viewCount") return level(account, name, account.audience * 420, now);
    if (name == "videoCount") return level(account, name, 10 + 900 * unit(mix(account.key, hash_text(name))), now);
    if (name != "subscriberCount" || hides_subscribers(account)) return std::nullopt;
    const auto exact = followers(account, now);
    std::int64_t step = 1;
    while (exact / step >= 1000) step *= 10;
    return exact / step * step;
}

bool hides_subscribers(const Account& account) {
    return mix(account.key, hash_text("hidden")) % 12 == 0;
}

}  // namespace sim
