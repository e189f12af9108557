// SPDX-License-Identifier: Apache-2.0
// YouTube: the metrics of its channel report, their true numbers, and its answers.
#pragma once

#include "call.hpp"
#include "truth.hpp"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sim {

struct YoutubeMetric {
    std::string_view name;
    double rate;            ///< a day and subscriber, money in thousandths of a dollar; 0: derived from others
    bool floating = false;  ///< dataType FLOAT
    bool revenue = false;   ///< only for channels that are monetised

    bool money() const { return revenue && floating; }
};

std::span<const YoutubeMetric> youtube_metrics();
const YoutubeMetric* find_youtube_metric(std::string_view name);

inline constexpr std::array<std::string_view, 3> kContentTypes{"SHORTS", "VIDEO_ON_DEMAND", "LIVE_STREAM"};

/// Whether the channel has a row for this content type on that day.
bool youtube_active(const Account& account, Day day, std::size_t type);

/// A metric over days that are published and not quiet; ratios are taken of the sums. `type` indexes kContentTypes,
/// nothing means the channel. Integers are exact, money is in US dollars.
double youtube_value(const World& world, const Account& account, const YoutubeMetric& metric, std::span<const Day> days,
                     std::optional<std::size_t> type, Instant now);

/// subscriberCount (rounded down to three figures; nothing if hidden), viewCount, videoCount; nothing for other names.
std::optional<std::int64_t> youtube_counter(const Account& account, std::string_view name, Instant now);
bool hides_subscribers(const Account& account);

Reply answer_youtube(const Call& call);
Reply answer_youtube_report(const Call& call, const std::string& account);

/// Google's envelope; `status` (such as PERMISSION_DENIED) may be empty.
Reply google_error(unsigned code, std::string_view message, std::string_view reason, std::string_view domain = "global",
                   std::string_view status = {});
/// Data API: the day's quota is used up; Analytics API: slow down.
Reply youtube_throttle(std::string_view path);

}  // namespace sim
