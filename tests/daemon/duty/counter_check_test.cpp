// SPDX-License-Identifier: Apache-2.0
// Which counters are odd.
#include "daemon/duty/counter_check.hpp"

#include <doctest/doctest.h>

#include <functional>

using namespace tally;
using duty::CounterDay;
using duty::odd_counter;

namespace {

const auto kFirst = parse_day("2026-10-23").value();

std::vector<CounterDay> made(int count, const std::function<double(int)>& value) {
    std::vector<CounterDay> days;
    for (int i = 0; i < count; ++i) days.push_back({kFirst + std::chrono::days{i}, value(i)});
    return days;
}

std::vector<CounterDay> followed_by(std::vector<CounterDay> days, double value, int after = 1) {
    days.push_back({days.back().day + std::chrono::days{after}, value});
    return days;
}

/// Around 10,000, by 40 to 60 more each day.
const auto kSteady = made(28, [](int i) { return 10'000.0 + 50 * i + i * 7 % 11; });

}  // namespace

TEST_CASE("a counter that falls to zero is odd, and stays so while it is zero") {
    auto days = followed_by(kSteady, 0);
    CHECK(odd_counter(days) == "it is 0 on 2026-11-20, after 11,352 on 2026-11-19");
    days = followed_by(days, 0);
    CHECK(odd_counter(days) == "it is 0 on 2026-11-21, after 11,352 on 2026-11-19");
    CHECK_FALSE(odd_counter(followed_by(days, 11'500)).value_or("").starts_with("it is 0"));
}

TEST_CASE("small counters may become zero, and those that are zero most of the time are nothing new") {
    CHECK_FALSE(odd_counter(followed_by(made(20, [](int i) { return 1.0 + i % 7; }), 0)));
    CHECK_FALSE(odd_counter(followed_by(made(20, [](int i) { return i < 5 ? 500.0 : 0.0; }), 0)));
}

TEST_CASE("a step far outside the history is odd, in both directions") {
    CHECK(odd_counter(followed_by(kSteady, 20'000)) ==
          "it is 20,000 on 2026-11-20, after 11,352 on 2026-11-19; it usually changes by 46 a day");
    CHECK(odd_counter(followed_by(kSteady, 5'000)));
    CHECK_FALSE(odd_counter(followed_by(kSteady, 11'400)));
    // Large against the steps before, and yet a small part of the whole.
    CHECK_FALSE(odd_counter(followed_by(kSteady, 13'000)));
}

TEST_CASE("who has always leapt leaps") {
    const auto wild = made(28, [](int i) { return 1'000.0 + 700 * (i * 5 % 7); });
    CHECK_FALSE(odd_counter(followed_by(wild, 4'500)));
}

TEST_CASE("missing days share the step") {
    const auto growing = made(28, [](int i) { return 100.0 + 20 * i; });
    CHECK_FALSE(odd_counter(followed_by(growing, 900, 13)));
    CHECK(odd_counter(followed_by(growing, 2'400, 1)));
}

TEST_CASE("without a history nothing is odd") {
    CHECK_FALSE(odd_counter({}));
    CHECK_FALSE(odd_counter(followed_by(made(7, [](int) { return 100.0; }), 0)));
    CHECK(odd_counter(followed_by(made(8, [](int) { return 100.0; }), 0)));
}
