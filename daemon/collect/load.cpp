// SPDX-License-Identifier: Apache-2.0
// Asks plan() what a connection with nothing missing asks for, and counts.
#include "daemon/collect/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "daemon/collect/budget_book.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/schedule/schedule.hpp"

namespace tally::collect {

namespace {

using platform::BudgetScope;
using platform::Coverage;
using platform::DayState;
using platform::Platform;
using platform::RateLimit;
using std::chrono::days;
using std::chrono::seconds;

constexpr double kTight = 80;           // percent
constexpr double kPaceUsable = 0.8;     // the steady part of a pace: BudgetBook keeps the rest for bursts
constexpr days kLookedAhead{8};         // finds the busiest day of a weekly schedule
constexpr std::size_t kMostKinds = 64;  // kinds of accounts that are tried
constexpr seconds kDay = days{1};

using Attributes = std::map<std::string, std::string>;

/// Kinds of accounts: one for each choice of the values that `only_if` asks for, and the kind that has none of them.
std::vector<Attributes> kinds_of(const Platform& platform) {
    std::map<std::string, std::set<std::string>> values;
    for (const auto& request : platform.requests) {
        for (const auto& [attribute, wanted] : request.only_if) values[attribute].insert(wanted.begin(), wanted.end());
    }
    std::vector<Attributes> kinds{{}};
    for (const auto& [attribute, choices] : values) {
        const auto known = kinds.size();
        for (std::size_t i = 0; i < known; ++i) {
            for (const auto& value : choices) {
                if (kinds.size() == kMostKinds) return kinds;
                auto kind = kinds[i];
                kind[attribute] = value;
                kinds.push_back(std::move(kind));
            }
        }
    }
    return kinds;
}

/// Everything was asked for yesterday; what was not final by then may have changed since.
Coverage complete_coverage(const Platform& platform, const TimeZone& zone, days backfill, Instant now) {
    const auto today = zone.day_of(now);
    const auto asked_at = now - days{1};
    Coverage coverage;
    for (const auto& request : platform.requests) {
        auto& known = coverage[request.name];
        for (auto day = today - backfill; day < today; day += days{1}) {
            const bool is_final = asked_at >= zone.end_of(day) + request.final_after;
            known[day] = {.state = is_final ? DayState::final : DayState::provisional, .asked_at = asked_at};
        }
    }
    return coverage;
}

/// As it is after a run at `now`.
void answer(const std::vector<platform::Task>& tasks, Day today, Instant now, Coverage& coverage) {
    for (const auto& task : tasks) {
        const auto range = task.days.value_or(DayRange{today, today});
        for (auto day = range.first; day <= range.last; day += days{1})
            coverage[task.request->name][day] = {.state = DayState::provisional, .asked_at = now};
    }
}

/// The tasks of the first slot of a day and of a further one.
struct Slots {
    std::vector<platform::Task> first, repeat;
};

Slots slots_of(const Platform& platform, const Attributes& kind, days backfill, Instant now) {
    const auto zone = platform.day.zone.value_or(TimeZone::utc());
    // In the middle of a day, so that yesterday is a day earlier in every zone.
    const auto noon = zone.start_of(zone.day_of(now)) + std::chrono::hours{12};
    auto coverage = complete_coverage(platform, zone, backfill, noon);
    const auto ask = [&] {
        return platform::plan({.platform = platform,
                               .zone = zone,
                               .coverage = coverage,
                               .now = noon,
                               .backfill = backfill,
                               .forced = {},
                               .attributes = kind,
                               .max_tasks = SIZE_MAX})
            .tasks;
    };
    Slots slots{.first = ask(), .repeat = {}};
    answer(slots.first, zone.day_of(noon), noon, coverage);
    slots.repeat = ask();
    return slots;
}

std::int64_t counted(const std::vector<platform::Task>& tasks, const RateLimit& limit) {
    return std::count_if(tasks.begin(), tasks.end(),
                         [&](const auto& task) { return limit.applies_to(task.request->name); });
}

/// How often a tier is served on its busiest day; once, as far as anybody knows, when its slots come from outside.
std::int64_t slots_a_day(const config::Tier& tier, Instant now) {
    const auto schedule = schedule::make_schedule(tier);
    const auto start = std::chrono::floor<days>(now);
    std::int64_t most = 1;
    for (days day{0}; day < kLookedAhead; day += days{1})
        most = std::max<std::int64_t>(
            most, static_cast<std::int64_t>(
                      schedule::slots_between(schedule, seconds{0}, start + day, start + day + days{1}).size()));
    return most;
}

/// The requests of one connection in the busiest window: a limit of days holds whole days; in a shorter one the slots
/// of that time lie, and a slot longer than it is served over its spread or slack.
double busiest(const Appetite& each, const config::Tier& tier, std::chrono::milliseconds per) {
    const auto first = static_cast<double>(each.first), repeat = static_cast<double>(each.repeat);
    const auto slots = static_cast<double>(each.slots);
    const auto window = std::chrono::duration<double>(per).count();
    const auto day = static_cast<double>(kDay.count());
    if (window >= day) return window / day * (first + (slots - 1) * repeat);
    const auto period = day / slots;
    if (window >= period) return first + (window / period - 1) * repeat;
    const auto time = std::clamp(static_cast<double>(std::max(tier.spread, tier.slack).count()), 1.0, period);
    return std::max(first, repeat) * std::min(1.0, window / time);
}

class PlatformLoad {
public:
    PlatformLoad(const LoadInput& in, const Platform& platform) : in_(in), platform_(platform) {
        for (const auto& [name, tier] : in.config.tiers) {
            slots_a_day_[name] = slots_a_day(tier, in.now);
            const auto backfill =
                tier.retention ? std::min(in.config.collect.backfill, *tier.retention) : in.config.collect.backfill;
            for (const auto& kind : kinds_of(platform))
                kinds_[name].push_back(slots_of(platform, kind, backfill, in.now));
        }
    }

    void add_to(std::vector<LimitLoad>& loads) const {
        for (const auto& limit : platform_.limits) {
            if (limit.scope != BudgetScope::app) {
                loads.push_back(of_one(limit));
                continue;
            }
            for (const auto& [app, connections] : connections_by_app())
                loads.push_back(of_app(limit, app, connections));
        }
    }

private:
    using ByTier = std::map<std::string, std::int64_t>;

    /// The kind of account that asks for most.
    Appetite appetite(const RateLimit& limit, const std::string& tier) const {
        Appetite most;
        for (const auto& slots : kinds_.at(tier)) {
            Appetite each{.first = counted(slots.first, limit),
                          .repeat = counted(slots.repeat, limit),
                          .slots = slots_a_day_.at(tier)};
            each.needed = busiest(each, in_.config.tiers.at(tier), limit.per);
            if (each.needed >= most.needed) most = each;
        }
        return most;
    }

    /// Connections of a tier that the configuration does not know any more are served as the slowest one.
    std::string known_tier(const std::string& tier) const {
        if (slots_a_day_.contains(tier)) return tier;
        return std::min_element(slots_a_day_.begin(), slots_a_day_.end(),
                                [](const auto& a, const auto& b) { return a.second < b.second; })
            ->first;
    }

    std::map<std::string, ByTier> connections_by_app() const {
        std::map<std::string, ByTier> result{{"default", {}}};
        if (!in_.connections) return result;
        for (const auto& count : *in_.connections) {
            if (count.platform != platform_.name) continue;
            result[count.app.empty() ? "default" : count.app][known_tier(count.tier)] += count.connections;
        }
        return result;
    }

    LimitLoad empty_load(const RateLimit& limit) const {
        const auto usable = is_counted(limit) ? 1.0 : kPaceUsable;
        LimitLoad load{.platform = platform_.name,
                       .limit = limit.name,
                       .scope = limit.scope,
                       .app = {},
                       .per = limit.per,
                       .allowed = usable * static_cast<double>(limit.requests),
                       .tiers = {}};
        for (const auto& [name, tier] : in_.config.tiers)
            load.tiers.push_back(
                {.tier = name, .each = appetite(limit, name), .connections = std::nullopt, .most = std::nullopt});
        return load;
    }

    LimitLoad of_one(const RateLimit& limit) const {
        auto load = empty_load(limit);
        for (const auto& tier : load.tiers) load.needed = std::max(load.needed, tier.each.needed);
        return load;
    }

    LimitLoad of_app(const RateLimit& limit, const std::string& app, const ByTier& connections) const {
        auto load = empty_load(limit);
        load.app = app;
        for (auto& tier : load.tiers) {
            const auto known = connections.find(tier.tier);
            if (in_.connections) tier.connections = known == connections.end() ? 0 : known->second;
            load.needed += static_cast<double>(tier.connections.value_or(0)) * tier.each.needed;
        }
        for (auto& tier : load.tiers) {
            if (tier.each.needed <= 0) continue;
            const auto others = load.needed - static_cast<double>(tier.connections.value_or(0)) * tier.each.needed;
            // A trace more, so that a limit that is used exactly is not missed by rounding.
            tier.most = static_cast<std::int64_t>(std::max(0.0, (load.allowed - others) / tier.each.needed + 1e-9));
        }
        return load;
    }

    const LoadInput& in_;
    const Platform& platform_;
    std::map<std::string, std::int64_t> slots_a_day_;
    std::map<std::string, std::vector<Slots>> kinds_;  // by tier
};

std::string per_text(std::chrono::milliseconds per) {
    return render_duration(per);
}

}  // namespace

std::string_view to_text(LoadVerdict verdict) noexcept {
    switch (verdict) {
        case LoadVerdict::fits:
            return "fits";
        case LoadVerdict::tight:
            return "tight";
        case LoadVerdict::too_much:
            break;
    }
    return "too much";
}

LoadVerdict LimitLoad::verdict() const noexcept {
    if (percent() > 100 + 1e-9) return LoadVerdict::too_much;
    return percent() > kTight ? LoadVerdict::tight : LoadVerdict::fits;
}

std::vector<LimitLoad> load_of(const LoadInput& in) {
    std::vector<LimitLoad> loads;
    if (in.config.tiers.empty()) return loads;
    for (const auto& platform : in.catalog.all()) {
        if (!in.config.platform(platform->name).enabled || platform->limits.empty()) continue;
        PlatformLoad{in, *platform}.add_to(loads);
    }
    return loads;
}

std::string advice(const LimitLoad& load) {
    const bool of_app = load.scope == BudgetScope::app;
    auto text =
        fmt::format("the limit '{}' of {}{} is exceeded by {:.0f} requests per {} ({:.0f} needed, {:.0f} usable)",
                    load.limit, load.platform, of_app ? fmt::format(", app '{}',", load.app) : "",
                    std::ceil(load.needed - load.allowed), per_text(load.per), std::ceil(load.needed), load.allowed);
    const auto hungriest =
        std::max_element(load.tiers.begin(), load.tiers.end(), [](const TierLoad& a, const TierLoad& b) {
            return static_cast<double>(a.connections.value_or(1)) * a.each.needed <
                   static_cast<double>(b.connections.value_or(1)) * b.each.needed;
        });
    for (const auto& tier : load.tiers) {
        if (!tier.most || tier.connections.value_or(0) == 0) continue;
        text += fmt::format("; tier '{}' has {} connections, {} fit{}", tier.tier, *tier.connections, *tier.most,
                            load.tiers.size() > 1 ? " beside the other tiers" : "");
    }
    text += fmt::format("; collect tier '{}' less often", hungriest->tier);
    if (of_app) text += fmt::format(", give some connections an app of their own (platforms.{}.apps)", load.platform);
    return text + fmt::format(", or have the platform raise the quota and write it into {}.yaml", load.platform);
}

}  // namespace tally::collect
