// SPDX-License-Identifier: Apache-2.0
// Bars, and what is missing between them.
#include "cli/sparkline.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace tally::cli;

TEST_CASE("bars go from the smallest value to the largest") {
    CHECK(sparkline({0, 1, 2, 3, 4, 5, 6, 7}, true) == "▁▂▃▄▅▆▇█");
    CHECK(sparkline({0, 1, 2, 3, 4, 5, 6, 7}, false) == "_,-~=+*#");
    CHECK(sparkline({-10, std::nullopt, 10}, true) == "▁·█");
    CHECK(sparkline({std::nullopt, 0}, false) == ".~");
    CHECK(sparkline({5, 5, 5}, true) == "▄▄▄");
    CHECK(sparkline({}, true).empty());
    constexpr auto kMost = std::numeric_limits<double>::max();
    CHECK(sparkline({-kMost, 0, kMost}, false) == "_=#");
}

TEST_CASE("many days share a bar, and missing ones do not count as zero") {
    using Values = std::vector<std::optional<double>>;
    CHECK(condense({1, 3, 5, std::nullopt}, 2) == Values{2, 5});
    CHECK(condense({std::nullopt, std::nullopt, 4}, 3) == Values{std::nullopt, std::nullopt, 4});
    CHECK(condense({std::nullopt, std::nullopt, 4, 6}, 2) == Values{std::nullopt, 5});
    CHECK(condense(Values(100, 1), 28).size() == 28);
}
