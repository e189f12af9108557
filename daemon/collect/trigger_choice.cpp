// SPDX-License-Identifier: Apache-2.0
// The choice between the regular slot and what waits beside it.
#include "daemon/collect/trigger_choice.hpp"

#include <algorithm>

namespace tally::collect {

TriggerChoice choose_triggers(const std::vector<lease::Trigger>& waiting, bool slot_is_due, bool spare, Day today) {
    TriggerChoice choice;
    const auto is_ordinary = [](const lease::Trigger& trigger) { return !trigger.days; };
    choice.ordinary = !spare && std::any_of(waiting.begin(), waiting.end(), is_ordinary);
    const bool days_wait = !spare && (slot_is_due || choice.ordinary);
    for (const auto& trigger : waiting) {
        const bool long_past = trigger.days && today - trigger.days->first > lease::kLongPast;
        if (long_past != spare || days_wait == trigger.days.has_value()) continue;
        choice.served.push_back(trigger.id);
        if (!trigger.days) continue;
        if (!choice.days) choice.days = trigger.days;
        choice.days->first = std::min(choice.days->first, trigger.days->first);
        choice.days->last = std::max(choice.days->last, trigger.days->last);
        choice.requested_at = std::max(choice.requested_at.value_or(trigger.requested_at), trigger.requested_at);
    }
    return choice;
}

std::optional<DayRange> still_kept(const DayRange& days, std::optional<Day> oldest) {
    if (!oldest || *oldest <= days.first) return days;
    return *oldest <= days.last ? std::optional{DayRange{*oldest, days.last}} : std::nullopt;
}

}  // namespace tally::collect
