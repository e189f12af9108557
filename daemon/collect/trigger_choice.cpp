// SPDX-License-Identifier: Apache-2.0
// The choice between the regular slot and what waits beside it.
#include "daemon/collect/trigger_choice.hpp"

#include <algorithm>

namespace tally::collect {

TriggerChoice choose_triggers(const std::vector<lease::Trigger>& waiting, bool slot_is_due, Day today) {
    TriggerChoice choice;
    const bool ordinary =
        slot_is_due || std::any_of(waiting.begin(), waiting.end(), [](const auto& trigger) { return !trigger.days; });
    for (const auto& trigger : waiting) {
        if (ordinary == trigger.days.has_value()) continue;
        choice.served.push_back(trigger.id);
        if (!trigger.days) continue;
        if (!choice.days) choice.days = trigger.days;
        choice.days->first = std::min(choice.days->first, trigger.days->first);
        choice.days->last = std::max(choice.days->last, trigger.days->last);
        choice.requested_at = std::max(choice.requested_at.value_or(trigger.requested_at), trigger.requested_at);
    }
    choice.backfill = choice.days && today - choice.days->first > lease::kLongPast;
    return choice;
}

}  // namespace tally::collect
