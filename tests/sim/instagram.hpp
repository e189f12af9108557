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

    bool demographic() const { return lifetime && name != "online_followers"; }
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

/// Followers online in each hour of the day, or nothing: the platform often has an empty object.
std::vector<std::int64_t> instagram_online(const Account& account, Day day);

/// Whether `dimensions` (as written in the request: `age,gender`) is a breakdown of demographics.
bool instagram_knows_demographics(std::string_view dimensions);
/// Who the audience is at `now`: at most 45 categories, the strongest first. Empty if there are too few people.
std::vector<Category> instagram_demographics(const Account& account, const InstagramMetric& metric,
                                             std::string_view dimensions, bool week, Instant now);
/// Whether this account is offered the metric at all.
bool instagram_offers(const World& world, const Account& account, std::string_view metric);

/// followers_count, follows_count, media_count; nothing for other names.
std::optional<std::int64_t> instagram_counter(const Account& account, std::string_view name, Instant now);

/// `path` is what follows the account's id.
Reply answer_instagram(const Call& call, const Account& account, std::span<const std::string_view> path);
Reply answer_instagram_insights(const Call& call, const Account& account);

/// What a request for demographics asks; the metrics are known and all demographic.
struct DemographicsAsk {
    std::span<const InstagramMetric* const> metrics;
    std::string_view dimensions;
    bool total = false;  ///< metric_type=total_value was sent
};
Reply answer_instagram_demographics(const Call& call, const Account& account, const DemographicsAsk& ask);

}  // namespace sim
