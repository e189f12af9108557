// SPDX-License-Identifier: Apache-2.0
// Medians: one wild day does not move them.
#include "daemon/duty/counter_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/analysis/statistics.hpp"
#include "common/counted.hpp"

namespace tally::duty {

using analysis::median;

namespace {

constexpr std::size_t kFewestDays = 8;  // of history
constexpr double kSmall = 10;           // a counter below that may well become zero
constexpr double kNormalMean = 1.2533;  // as kNormal for the mean deviation: more than half of the steps may be alike
constexpr double kFar = 8;              // spreads
constexpr double kLeastSpread = 0.01;   // of the counter
constexpr double kLargeStep = 0.2;      // of the counter

std::string text(double value) {
    return with_separators(std::llround(value));
}

/// What each day changed, of all steps but the last.
std::vector<double> steps_before(const std::vector<CounterDay>& days) {
    std::vector<double> steps;
    for (std::size_t i = 1; i + 1 < days.size(); ++i)
        steps.push_back((days[i].value - days[i - 1].value) /
                        static_cast<double>((days[i].day - days[i - 1].day).count()));
    return steps;
}

}  // namespace

std::optional<std::string> odd_counter(const std::vector<CounterDay>& days) {
    if (days.size() < kFewestDays + 1) return std::nullopt;
    const auto& last = days.back();
    const auto& before = days[days.size() - 2];
    if (last.value == 0) {
        std::vector<double> values;
        for (const auto& day : days) values.push_back(day.value);
        if (median(values) <= kSmall) return std::nullopt;
        const auto known =
            std::find_if(days.rbegin(), days.rend(), [](const CounterDay& day) { return day.value != 0; });
        return fmt::format("it is 0 on {}, after {} on {}", render_day(last.day), text(known->value),
                           render_day(known->day));
    }
    const auto steps = steps_before(days);
    const auto usual = median(steps);
    const auto away = [&](double sum, double step) { return sum + std::abs(step - usual); };
    const auto mean = std::accumulate(steps.begin(), steps.end(), 0.0, away) / static_cast<double>(steps.size());
    const auto size = std::max(std::abs(before.value), std::abs(last.value));
    const auto spread = std::max(
        {analysis::kNormal * analysis::median_deviation(steps, usual), kNormalMean * mean, kLeastSpread * size});
    const auto apart = static_cast<double>((last.day - before.day).count());
    const auto step = last.value - before.value;
    if (std::abs(step / apart - usual) <= kFar * spread || std::abs(step) <= kLargeStep * size) return std::nullopt;
    return fmt::format("it is {} on {}, after {} on {}; it usually changes by {} a day", text(last.value),
                       render_day(last.day), text(before.value), render_day(before.day), text(usual));
}

}  // namespace tally::duty
