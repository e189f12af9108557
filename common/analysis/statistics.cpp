// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace tally::analysis {

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double median_deviation(std::vector<double> values, double middle) {
    for (auto& value : values) value = std::abs(value - middle);
    return median(std::move(values));
}

}  // namespace tally::analysis
