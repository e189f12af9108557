// SPDX-License-Identifier: Apache-2.0
// The numbers of the simulated world and when a platform publishes them: pure functions, nothing is stored.
#include "truth.hpp"

#include "hash.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace sim {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct Delays {
    seconds publish;   ///< after the day's end
    seconds jitter;    ///< at most this much more, by account and day
    seconds finality;  ///< after the day's end
};

constexpr Delays delays_of(Platform platform) {
    switch (platform) {
        case Platform::instagram:
            return {hours{2}, hours{6}, hours{48}};
        case Platform::facebook:
            return {hours{3}, hours{6}, hours{72}};
        case Platform::youtube:
            return {hours{50}, hours{0}, hours{12 * 24}};
        case Platform::snapchat_profile:
            return {hours{0}, hours{0}, hours{72}};
        case Platform::snapchat:
        case Platform::twitch:
            break;
    }
    return {hours{0}, hours{0}, hours{48}};
}

constexpr std::uint64_t kRestated = hash_text("restated");
constexpr std::uint64_t kQuiet = hash_text("quiet");

/// The first day of the trend: growth is counted from here.
Day reference_day() {
    using namespace date::literals;
    return Day{date::local_days{2026_y / 1 / 1}};
}

double growth(const Account& account) {
    return -0.05 + 0.45 * unit(mix(account.key, hash_text("growth")));  // a year
}

}  // namespace

std::uint64_t day_key(std::uint64_t key, Day day) {
    return mix(key, static_cast<std::uint64_t>(day.time_since_epoch().count()));
}

Stage stage(const Account& account, Day day, Instant now) {
    if (day < account.created) return Stage::hidden;
    const auto delays = delays_of(account.platform);
    const auto end = midnight(account.zone, day + date::days{1});
    if (now < end + delays.publish) return Stage::hidden;  // settles most calls without a hash
    if (now >= end + delays.finality) return Stage::settled;
    const auto key = day_key(account.key, day);
    const auto jitter =
        delays.jitter.count() == 0
            ? seconds{0}
            : seconds{static_cast<std::int64_t>(key % static_cast<std::uint64_t>(delays.jitter.count()))};
    const auto appears = end + delays.publish + jitter;
    if (now < appears) return Stage::hidden;
    const auto restated = mix(key, kRestated);
    if (restated % 8 != 0) return Stage::settled;
    const auto room = end + delays.finality - appears - hours{2};
    const auto changes =
        appears + hours{1} +
        seconds{static_cast<std::int64_t>((restated >> 8U) % static_cast<std::uint64_t>(room.count()))};
    return now < changes ? Stage::provisional : Stage::settled;
}

std::int64_t value(const World& world, const Account& account, std::string_view metric, double rate, Day day) {
    const auto draw = day_key(mix(account.key, hash_text(metric)), day);
    const auto weekday = static_cast<double>(date::weekday{day}.c_encoding()) + 7 * unit(account.key);
    const auto rhythm = 1 + 0.25 * std::sin(weekday * 2 * std::numbers::pi / 7);
    const auto years = static_cast<double>((day - reference_day()).count()) / 365;
    const auto trend = std::clamp(1 + growth(account) * years, 0.2, 5.0);
    const auto expected = account.audience * rate * rhythm * trend * (0.8 + 0.4 * unit(draw));
    const auto drawn = static_cast<std::int64_t>(expected + unit(mix(draw)));  // rare events come as 0 or 1
    return std::max<std::int64_t>(0, drawn + world.added(account, metric, day));
}

std::int64_t published(std::int64_t truth, Stage stage) {
    return stage == Stage::provisional ? truth - (truth + 15) / 16 : truth;
}

std::int64_t level(const Account& account, std::string_view metric, double base, Instant at) {
    const auto quarter = date::floor<std::chrono::duration<std::int64_t, std::ratio<900>>>(at.time_since_epoch());
    const auto since = seconds{quarter} - seconds{reference_day().time_since_epoch()};
    const auto years = static_cast<double>(since.count()) / (365.0 * 86400);
    const auto phase = unit(mix(account.key, hash_text(metric)));
    const auto wave = 0.01 * std::sin((years * 4 + phase) * 2 * std::numbers::pi);
    return static_cast<std::int64_t>(base * std::max(0.05, 1 + growth(account) * years + wave));
}

std::int64_t followers(const Account& account, Instant at) {
    const auto count = level(account, "followers", account.audience, at);
    return account.small() ? std::min<std::int64_t>(count, 99) : std::max<std::int64_t>(count, 100);
}

std::vector<std::int64_t> split(std::int64_t total, std::size_t parts, std::uint64_t key) {
    std::vector<std::int64_t> weights(parts);
    for (std::size_t i = 0; i < parts; ++i) {
        const auto draw = mix(key, i + 1);
        weights[i] = draw % 5 == 0 ? 0 : 1 + static_cast<std::int64_t>((draw >> 8U) % 15);
    }
    const auto strongest = std::max_element(weights.begin(), weights.end());
    if (*strongest == 0) *strongest = 1;
    const auto sum = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
    std::vector<std::int64_t> shares(parts);
    for (std::size_t i = 0; i < parts; ++i) shares[i] = total / sum * weights[i] + total % sum * weights[i] / sum;
    shares[static_cast<std::size_t>(strongest - weights.begin())] +=
        total - std::accumulate(shares.begin(), shares.end(), std::int64_t{0});
    return shares;
}

std::int64_t running(std::int64_t total, seconds elapsed, seconds length) {
    if (elapsed >= length) return total;
    const auto quarters = elapsed.count() / 900;
    if (quarters <= 0) return 0;
    return static_cast<std::int64_t>(static_cast<double>(total) * static_cast<double>(quarters * 900) /
                                     static_cast<double>(length.count()));
}

bool quiet(const Account& account, Day day) {
    return mix(day_key(account.key, day), kQuiet) % 40 == 0;
}

std::int64_t unique_over(const std::vector<std::int64_t>& days) {
    if (days.empty()) return 0;
    const auto best = *std::max_element(days.begin(), days.end());
    const auto sum = std::accumulate(days.begin(), days.end(), std::int64_t{0});
    return best + (sum - best) * 3 / 5;
}

}  // namespace sim
