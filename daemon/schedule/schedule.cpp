// SPDX-License-Identifier: Apache-2.0
// Finds slots; the only place where cron lines meet clock changes.
#include "daemon/schedule/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "common/error.hpp"

namespace tally::schedule {

using namespace std::chrono;
using config::LocalMinute;

namespace {

Instant next_moment(const Every& every, Instant after) {
    const auto periods = floor<seconds>(after).time_since_epoch() / every.period;
    auto moment = Instant{periods * every.period};
    while (moment <= after) moment += every.period;  // at most twice: division truncates towards zero
    return moment;
}

/// When the clock shows a time twice and `after` lies in the first pass: the first matching minute of the second pass.
std::optional<Instant> next_in_second_pass(const CronIn& line, local_seconds clock, Instant after) {
    const auto now = line.zone.resolve(clock);
    if (now.kind != WallTime::Kind::doubled || after >= now.second) return std::nullopt;
    const auto length =
        ceil<minutes>(now.second - now.first);  // the second pass begins this much before `clock`, at most
    for (auto time = line.cron.next_after(floor<minutes>(clock) - length - minutes{1}); time <= clock;
         time = line.cron.next_after(time)) {
        const auto wall = line.zone.resolve(time);
        if (wall.kind == WallTime::Kind::doubled && wall.second > after) return wall.second;
    }
    return std::nullopt;
}

/// Wall-clock order is the order of instants as long as each minute counts at its first pass (or at the change that
/// skips it). So the minutes after the one on the clock are walked until one lies after `after`; more than one step is
/// needed only in a second pass, whose first passes are over, and right behind a change.
Instant next_moment(const CronIn& line, Instant after) {
    const auto clock = line.zone.wall_time(after);
    for (auto time = line.cron.next_after(floor<minutes>(clock));; time = line.cron.next_after(time)) {
        const auto wall = line.zone.resolve(time);
        if (wall.first > after) {
            const bool leaves_first_pass = line.cron.every_hour() && wall.kind != WallTime::Kind::doubled;
            return leaves_first_pass ? next_in_second_pass(line, clock, after).value_or(wall.first) : wall.first;
        }
        if (line.cron.every_hour() && wall.second > after) return wall.second;
    }
}

Instant next_moment(const Schedule& schedule, Instant after) {
    return std::visit([&](const auto& clock) { return next_moment(clock, after); }, schedule.clock);
}

}  // namespace

Schedule make_schedule(const config::Tier& tier) {
    if (tier.every && *tier.every > seconds{0}) return {Every{*tier.every}, tier.spread};
    const auto zone = TimeZone::find(tier.zone);
    if (!tier.cron || !zone) throw Error(Fault::config, fmt::format("tier '{}' has no valid schedule", tier.name));
    return {CronIn{config::Cron::parse(*tier.cron), *zone}, tier.spread};
}

Instant next_slot(const Schedule& schedule, seconds phase, std::optional<Instant> last, Instant now) {
    const bool believed = last && *last <= now + kClockTrust;
    const auto after = believed ? std::max(*last, now) : now;
    return next_moment(schedule, after - phase) + phase;
}

std::vector<Instant> slots_between(const Schedule& schedule, seconds phase, Instant from, Instant to) {
    std::vector<Instant> slots;
    for (auto slot = next_slot(schedule, phase, std::nullopt, from); slot <= to;
         slot = next_slot(schedule, phase, std::nullopt, slot))
        slots.push_back(slot);
    return slots;
}

seconds phase_of(std::string_view stable_id, seconds spread) {
    if (spread <= seconds{0}) return seconds{0};
    std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
    for (const char c : stable_id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    hash += 0x9E3779B97F4A7C15;  // SplitMix64: the low bits of FNV-1a alone are too regular
    hash = (hash ^ hash >> 30U) * 0xBF58476D1CE4E5B9;
    hash = (hash ^ hash >> 27U) * 0x94D049BB133111EB;
    hash ^= hash >> 31U;
    return seconds{static_cast<seconds::rep>(hash % static_cast<std::uint64_t>(spread.count()))};
}

}  // namespace tally::schedule
