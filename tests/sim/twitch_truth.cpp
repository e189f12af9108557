// SPDX-License-Identifier: Apache-2.0
// The true numbers of a Twitch channel.
#include "twitch.hpp"

#include "hash.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sim {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kQuarter = 900;

/// One day in six has none, one in eight has more than a page holds.
std::int64_t clips_of(const World& world, const Account& account, Day day) {
    if (day < account.created) return 0;
    const auto draw = day_key(mix(account.key, hash_text("clips")), day);
    const auto size = draw >> 8U;
    const auto drawn = draw % 6 == 0 ? 0 : draw % 8 == 1 ? 101 + size % 30 : 1 + size % 40;
    return std::max<std::int64_t>(0, static_cast<std::int64_t>(drawn) + world.added(account, "clips", day));
}

/// Which quarter of an hour of its day a clip was made in.
std::int64_t quarter_of(std::uint64_t clip) {
    return static_cast<std::int64_t>(clip % 96);
}

std::uint64_t clip_key(const Account& account, Day day, std::int64_t index) {
    return mix(day_key(mix(account.key, hash_text("clip")), day), static_cast<std::uint64_t>(index));
}

bool shown(std::uint64_t clip, Instant begin, Instant now) {
    return begin + seconds{(quarter_of(clip) + 1) * kQuarter} <= now;
}

}  // namespace

std::vector<TwitchClip> twitch_clips(const World& world, const Account& account, Day day, Instant now) {
    const auto begin = midnight(account.zone, day);
    std::vector<TwitchClip> clips;
    for (std::int64_t i = 0; i < clips_of(world, account, day); ++i) {
        const auto key = clip_key(account, day, i);
        if (!shown(key, begin, now)) continue;
        const auto second = 1 + static_cast<std::int64_t>((key >> 10U) % (kQuarter - 1));
        clips.push_back({fmt::format("SimulatedClip{}-{:016x}", i, mix(key)),
                         begin + seconds{quarter_of(key) * kQuarter + second},
                         static_cast<std::int64_t>((key >> 20U) % 5000)});
    }
    return clips;
}

std::int64_t twitch_clip_count(const World& world, const Account& account, Day day, Instant now) {
    const auto begin = midnight(account.zone, day);
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < clips_of(world, account, day); ++i)
        if (shown(clip_key(account, day, i), begin, now)) ++count;
    return count;
}

TwitchSubscribers twitch_subscribers(const Account& account, Instant now) {
    if (account.broadcaster_type.empty()) return {};
    const auto share = 0.005 + 0.03 * unit(mix(account.key, hash_text("subscribers")));
    const auto total = level(account, "subscribers", account.audience * share, now);
    TwitchSubscribers subscribers;
    subscribers.second = total / 20;
    subscribers.third = total / 45;
    subscribers.first = total - subscribers.second - subscribers.third;
    return subscribers;
}

std::optional<std::int64_t> twitch_counter(const Account& account, std::string_view name, Instant now) {
    if (name == "followers") return followers(account, now);
    if (account.broadcaster_type.empty()) return std::nullopt;
    if (name == "subscribers") return twitch_subscribers(account, now).total();
    if (name == "subscriber_points") return twitch_subscribers(account, now).points();
    return std::nullopt;
}

}  // namespace sim
