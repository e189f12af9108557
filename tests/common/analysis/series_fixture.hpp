// SPDX-License-Identifier: Apache-2.0
// Series for tests.
#pragma once

#include <vector>

#include "common/analysis/series.hpp"

namespace tally::test {

inline Day day(const char* text) {
    return parse_day(text).value();
}

/// Final counts from `first` on, one a day.
inline analysis::Series series_of(analysis::Summary summary, const char* first, const std::vector<double>& values) {
    analysis::Series series{.user_id = "u",
                            .platform = "p",
                            .account_id = "a",
                            .source = "social_media",
                            .metric = "views",
                            .unit = "count",
                            .currency = {},
                            .summary = summary,
                            .points = {}};
    auto at = day(first);
    for (const auto value : values) {
        series.points.push_back({.day = at, .value = value, .final = true});
        at += std::chrono::days{1};
    }
    return series;
}

}  // namespace tally::test
