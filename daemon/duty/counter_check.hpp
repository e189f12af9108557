// SPDX-License-Identifier: Apache-2.0
// Whether a counter is still what it was. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/time.hpp"

namespace tally::duty {

struct CounterDay {
    Day day;
    double value;
};

/// A counter such as followers is odd when it is zero although it was not (half of its days were above 10), or when its
/// last step is far outside its history: more than 8 times the spread of the steps before away from their median, and
/// more than a fifth of the counter. The spread is the largest of 1.4826 x the steps' median absolute deviation, 1.2533
/// x their mean one, and 1 % of the counter. A step is what a day changes; days that are missing share theirs. With
/// fewer than 8 days before nothing is odd.
/// @param days in order, each once
/// @return what is odd, for people; nullopt: nothing
std::optional<std::string> odd_counter(const std::vector<CounterDay>& days);

}  // namespace tally::duty
