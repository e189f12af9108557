// SPDX-License-Identifier: Apache-2.0
// A tier's new schedule holds from now on: slots that have not come yet are planned anew.
#include <fmt/format.h>

#include "common/counted.hpp"
#include "daemon/duty/work.hpp"
#include "daemon/schedule/describe.hpp"

namespace tally::duty {

namespace {

constexpr int kConnections = 1'000;

/// Everything that a planned slot depends on.
std::string text_of(const config::Tier& tier) {
    return fmt::format("{} zone {} spread {} slack {}", schedule::describe(tier), tier.zone,
                       render_duration(tier.spread), render_duration(tier.slack));
}

/// A slot whose time has come is served as planned, and the next one follows the new schedule by itself.
std::int64_t plan_anew(Work& work, const std::string& tier) {
    const auto& rules = work.rules();
    std::int64_t planned = 0;
    for (std::int64_t after = 0;; work.rest()) {
        auto transaction = work.begin();
        const auto last = transaction.exec("connections_after", {after, kConnections})[0].optional_integer("last");
        if (!last) return planned;
        std::vector<std::int64_t> ids;
        std::vector<Instant> slots;
        for (const auto& row : transaction.exec("slots_to_plan", {tier, after, *last})) {
            ids.push_back(row.integer("connection_id"));
            slots.push_back(rules.next_slot(tier, ids.back(), now()));
        }
        after = *last;
        if (ids.empty()) continue;
        const std::vector<std::int64_t> slacks(ids.size(), rules.slack_of(tier).count());
        transaction.commit({{.statement = "move_slots", .params = {ids, slots, slacks}}});
        planned += static_cast<std::int64_t>(ids.size());
    }
}

}  // namespace

Done follow_schedules(Work& work) {
    std::vector<std::string> tiers, texts, clauses;
    for (const auto& [name, tier] : work.rules().config.tiers) {
        tiers.push_back(name);
        texts.push_back(text_of(tier));
    }
    std::vector<std::string> changed;
    {
        auto transaction = work.begin();
        for (const auto& row : transaction.exec("changed_schedules", {tiers, texts}))
            changed.push_back(row.text("tier"));
        transaction.commit();
    }
    for (const auto& tier : changed) {
        const auto planned = plan_anew(work, tier);
        auto transaction = work.begin();
        transaction.commit(
            {{.statement = "note_schedule", .params = {tier, text_of(work.rules().config.tiers.at(tier))}}});
        if (planned > 0)
            clauses.push_back(fmt::format("planned {} of tier {} anew", counted(planned, "slot", "slots"), tier));
    }
    return done(clauses, "no schedule has changed");
}

}  // namespace tally::duty
