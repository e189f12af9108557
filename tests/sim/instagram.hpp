// SPDX-License-Identifier: Apache-2.0
// Instagram: its metrics, their true numbers, and its answers.
#pragma once

#include "graph.hpp"
#include "truth.hpp"

#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace sim {

/// What a metric can be asked for.
struct InstagramMetric {
    std::string_view name;
    double rate;  ///< a day and person of the audience
    bool series = false;
    bool total = true;
    bool media = false;     ///< breakdown media_product_type
    bool follow = false;    ///< breakdown follow_type
    bool contact = false;   ///< breakdown contact_button_type
    bool unique = false;    ///< people: days and categories overlap
    bool lifetime = false;  ///< demographics and online_followers
};

std::span<const InstagramMetric> instagram_metrics();
const InstagramMetric* find_instagram_metric(std::string_view name);

/// A category combination with its number; zeros are never in a list.
struct Category {
    std::vector<std::string_view> values;  ///< in the order of the dimensions asked for
    std::int64_t value = 0;
};

/// Precondition for the three: the day is published and not quiet; for `instagram_categories` also `instagram_knows`.
std::int64_t instagram_total(const World& world, const Account& account, const InstagramMetric& metric, Day day,
                             Stage stage);
std::vector<Category> instagram_categories(const World& world, const Account& account, const InstagramMetric& metric,
                                           std::span<const std::string_view> dimensions, Day day, Stage stage);
bool instagram_knows(const InstagramMetric& metric, std::span<const std::string_view> dimensions);

/// followers_count, follows_count, media_count; nothing for other names.
std::optional<std::int64_t> instagram_counter(const Account& account, std::string_view name, Instant now);

/// `path` is what follows the account's id.
Reply answer_instagram(const Call& call, const Account& account, std::span<const std::string_view> path);
Reply answer_instagram_insights(const Call& call, const Account& account);

}  // namespace sim
