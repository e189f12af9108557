// SPDX-License-Identifier: Apache-2.0
// Day states as text, and days as stretches.
#include "daemon/platform/coverage.hpp"

#include <algorithm>
#include <array>

namespace tally::platform {

namespace {

constexpr std::array<std::string_view, 5> kNames{"final", "provisional", "pending", "empty", "refused"};

bool is_settled(DayState state) {
    return state == DayState::final || state == DayState::empty;
}

}  // namespace

std::string_view to_text(DayState state) noexcept {
    return kNames[static_cast<std::size_t>(state)];
}

std::optional<DayState> parse_day_state(std::string_view text) noexcept {
    const auto found = std::find(kNames.begin(), kNames.end(), text);
    if (found == kNames.end()) return std::nullopt;
    return static_cast<DayState>(found - kNames.begin());
}

std::vector<CoverageSpan> to_spans(const DayMap& days, const std::vector<Instant>& marks) {
    const auto on_same_side = [&](Instant a, Instant b) {
        return std::none_of(marks.begin(), marks.end(), [&](Instant mark) { return (a < mark) != (b < mark); });
    };
    std::vector<CoverageSpan> spans;
    for (const auto& [day, status] : days) {
        if (!spans.empty()) {
            auto& last = spans.back();
            const bool neighbour = last.days.last + std::chrono::days{1} == day;
            const bool same = last.status.state == status.state &&
                              (last.status.asked_at == status.asked_at ||
                               (is_settled(status.state) && on_same_side(last.status.asked_at, status.asked_at)));
            if (neighbour && same) {
                last.days.last = day;
                last.status.asked_at = std::max(last.status.asked_at, status.asked_at);
                continue;
            }
        }
        spans.push_back({.days = {day, day}, .status = status});
    }
    return spans;
}

DayMap from_spans(const std::vector<CoverageSpan>& spans) {
    DayMap days;
    for (const auto& span : spans) {
        for (auto day = span.days.first; day <= span.days.last; day += std::chrono::days{1})
            days.insert_or_assign(day, span.status);
    }
    return days;
}

}  // namespace tally::platform
