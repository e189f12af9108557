// SPDX-License-Identifier: Apache-2.0
// Twitch's Helix: the numbers of a channel, and its answers.
#pragma once

#include "call.hpp"
#include "truth.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sim {

struct TwitchClip {
    std::string id;
    Instant created;  ///< never a full quarter of an hour, so that no window's edge is a question
    std::int64_t views = 0;
};

/// Clips made on that UTC day and shown at `now`; they come at full quarters of an hour. None before the account was.
std::vector<TwitchClip> twitch_clips(const World& world, const Account& account, Day day, Instant now);
std::int64_t twitch_clip_count(const World& world, const Account& account, Day day, Instant now);

struct TwitchSubscribers {
    std::int64_t first = 0, second = 0, third = 0;  ///< by tier
    std::int64_t total() const { return first + second + third; }
    std::int64_t points() const { return first + 2 * second + 6 * third; }
};

/// None of a channel that is neither affiliate nor partner.
TwitchSubscribers twitch_subscribers(const Account& account, Instant now);

/// followers, subscribers, subscriber_points; nothing for other names and for what the channel does not have.
std::optional<std::int64_t> twitch_counter(const Account& account, std::string_view name, Instant now);

Reply answer_twitch(const Call& call);

/// Helix' envelope: {"error", "status", "message"}.
Reply twitch_error(unsigned status, std::string_view message);
Reply twitch_throttle(Instant reset);

}  // namespace sim
