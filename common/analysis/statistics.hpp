// SPDX-License-Identifier: Apache-2.0
// Robust statistics: one wild value does not move them. Pure.
#pragma once

#include <vector>

namespace tally::analysis {

/// Makes a median absolute deviation the standard one, for values that are spread normally.
constexpr double kNormal = 1.4826;

/// The middle of the values, or the mean of the two middle ones. There must be at least one.
double median(std::vector<double> values);

/// The median of the distances from `middle`. There must be at least one value.
double median_deviation(std::vector<double> values, double middle);

}  // namespace tally::analysis
