// SPDX-License-Identifier: Apache-2.0
// Facebook Pages: their metrics, their true numbers, and their answers.
#pragma once

#include "graph.hpp"
#include "truth.hpp"

#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace sim {

enum class FacebookKind : std::uint8_t {
    count,        ///< adds up over days
    state,        ///< followers at the day's end
    video_part,   ///< one share of page_video_views
    video_parts,  ///< {"total", "paid", "unpaid"} of page_video_views
    hosted,       ///< {"page_uploaded", "page_hosted"} of page_video_views
    reaction,     ///< one kind of reaction
    reactions,    ///< object of the kinds that are not zero
    fans,         ///< {"total", "paid", "unpaid"} of page_daily_follows_unique
    places,       ///< object of followers by place: a state of now, only `lifetime`
    earnings,     ///< {"currency", "microAmount"}; the number is in millionths
    approximate,  ///< a decimal number of the page's currency; the number is in hundredths
};

struct FacebookMetric {
    std::string_view name;
    FacebookKind kind;
    double rate = 0;       ///< a day and person of the audience
    std::size_t part = 0;  ///< which one, for parts

    /// Only for pages that are monetised.
    bool money() const { return kind == FacebookKind::earnings || kind == FacebookKind::approximate; }
};

std::span<const FacebookMetric> facebook_metrics();
const FacebookMetric* find_facebook_metric(std::string_view name);

/// A number, or an object of numbers (zeros are kept out where the platform keeps them out).
struct FacebookValue {
    bool object = false;
    std::int64_t number = 0;
    std::vector<std::pair<std::string_view, std::int64_t>> members;
};

/// Precondition for both: the day is not hidden. Places have no day: zero.
FacebookValue facebook_value(const World& world, const Account& account, const FacebookMetric& metric, Day day,
                             Stage stage);
/// page_media_view by `is_from_ads` or `is_from_followers`: the numbers of "0" and "1".
std::vector<std::int64_t> facebook_breakdown(const World& world, const Account& account, std::string_view dimension,
                                             Day day, Stage stage);

/// Followers by place at `now`; only for metrics of the kind `places`.
FacebookValue facebook_places(const Account& account, const FacebookMetric& metric, Instant now);

/// followers_count and fan_count; nothing for other names.
std::optional<std::int64_t> facebook_counter(const Account& account, std::string_view name, Instant now);

/// `path` is what follows the page's id, or `me` if `me` is set.
Reply answer_facebook(const Call& call, const Account& account, const Token& token, bool me,
                      std::span<const std::string_view> path);
/// `in_path` is the metric of `/insights/{metric}`, or empty.
Reply answer_facebook_insights(const Call& call, const Account& account, std::string_view in_path);

}  // namespace sim
