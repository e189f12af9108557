// SPDX-License-Identifier: Apache-2.0
// The numbers of the simulated world and when a platform publishes them: pure functions, nothing is stored.
#pragma once

#include "world.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sim {

/// How much of a closed day its platform shows at an instant.
enum class Stage : std::uint8_t {
    hidden,       ///< not there yet, or before the account was made
    provisional,  ///< there, but it will be restated
    settled,      ///< equal to the truth; nothing but a command changes it
};

/// About one account-day in eight is provisional for a while, and never after the platform's finality delay.
/// For Snapchat a day is hidden here until it is over; its running numbers are `snapchat_running`.
Stage stage(const Account& account, Day day, Instant now);

/// A day's true count. `rate` is how many one person of the audience causes a day.
std::int64_t value(const World& world, const Account& account, std::string_view metric, double rate, Day day);

/// What the platform says of a day that is not hidden.
std::int64_t published(std::int64_t truth, Stage stage);

/// A state such as the number of followers: moves slowly, at most every quarter of an hour, so that readings taken
/// within one agree.
std::int64_t level(const Account& account, std::string_view metric, double base, Instant at);
std::int64_t followers(const Account& account, Instant at);

/// Shares of `total` that add up to it; some are zero.
std::vector<std::int64_t> split(std::int64_t total, std::size_t parts, std::uint64_t key);

/// The share of `total` a day's first `elapsed` of `length` brings; grows quarter of an hour by quarter of an hour.
std::int64_t running(std::int64_t total, std::chrono::seconds elapsed, std::chrono::seconds length);

/// A day without any activity: the platform leaves it out. About one in forty.
bool quiet(const Account& account, Day day);

/// Unique people over several days: less than the sum, not less than the best day.
std::int64_t unique_over(const std::vector<std::int64_t>& days);

std::uint64_t day_key(std::uint64_t key, Day day);

}  // namespace sim
