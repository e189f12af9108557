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

/// The number of the last moment not after `time`; moment 0 is the Unix epoch.
seconds::rep last_number(const Every& every, Instant time) {
    const auto elapsed = floor<seconds>(time).time_since_epoch();
    const auto number = elapsed / every.period;
    return number * every.period > elapsed ? number - 1 : number;  // division truncates towards zero
}

Instant next_moment(const Every& every, Instant after) {
    return Instant{(last_number(every, after) + 1) * every.period};
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

/// Whether the line names the skipped minute again where it would have come without the change.
bool goes_on_behind(const CronIn& line, LocalMinute skipped, Instant change) {
    const auto gap = ceil<minutes>(line.zone.offset(change) - line.zone.offset(change - microseconds{1}));
    return line.cron.next_after(skipped + gap - minutes{1}) == skipped + gap;
}

/// Wall-clock order is the order of instants as long as each minute counts at its first pass (or at the change that
/// skips it). So the minutes after the one on the clock are walked until one lies after `after`; more than one step is
/// needed only in a second pass, whose first passes are over, and right behind a change.
Instant next_moment(const CronIn& line, Instant after) {
    const auto clock = line.zone.wall_time(after);
    for (auto time = line.cron.next_after(floor<minutes>(clock));; time = line.cron.next_after(time)) {
        const auto wall = line.zone.resolve(time);
        if (wall.first > after) {
            if (line.cron.every_hour() && wall.kind == WallTime::Kind::skipped &&
                goes_on_behind(line, time, wall.first))
                continue;
            const bool leaves_first_pass = line.cron.every_hour() && wall.kind != WallTime::Kind::doubled;
            return leaves_first_pass ? next_in_second_pass(line, clock, after).value_or(wall.first) : wall.first;
        }
        if (line.cron.every_hour() && wall.second > after) return wall.second;
    }
}

Instant next_moment(const External&, Instant) {
    return kNoSlot;
}

Instant next_moment(const Schedule& schedule, Instant after) {
    return std::visit([&](const auto& clock) { return next_moment(clock, after); }, schedule.clock);
}

Due collapse(const Every& every, Instant first, Instant now) {
    const auto number = last_number(every, now);
    const auto merged = number - last_number(every, first);
    if (merged == 0) return {.served = first, .merged = 0, .merged_last = std::nullopt};
    const auto served = Instant{number * every.period};
    const auto before = std::max(first, served - every.period);  // `first` may lie anywhere before its next moment
    return {.served = served, .merged = static_cast<std::size_t>(merged), .merged_last = before};
}

Due collapse(const CronIn& line, Instant first, Instant now) {
    Due due{.served = first, .merged = 0, .merged_last = std::nullopt};
    for (auto moment = next_moment(line, first); moment <= now; moment = next_moment(line, moment)) {
        due.merged_last = due.served;
        due.served = moment;
        ++due.merged;
    }
    return due;
}

/// Whoever makes the slots leaves one that is due where it is.
Due collapse(const External&, Instant first, Instant) {
    return {.served = first, .merged = 0, .merged_last = std::nullopt};
}

}  // namespace

Schedule make_schedule(const config::Tier& tier) {
    if (tier.every && *tier.every > seconds{0}) return {Every{*tier.every}, tier.spread};
    if (tier.is_external()) return {External{}, seconds{0}};
    const auto zone = TimeZone::find(tier.zone);
    if (!tier.cron || !zone) throw Error(Fault::config, fmt::format("tier '{}' has no valid schedule", tier.name));
    return {CronIn{config::Cron::parse(*tier.cron), *zone}, tier.spread};
}

Instant next_slot(const Schedule& schedule, seconds phase, std::optional<Instant> last, Instant now) {
    const bool believed = last && *last <= now + kClockTrust;
    const auto after = believed ? std::max(*last, now) : now;
    const auto moment = next_moment(schedule, after - phase);
    return moment == kNoSlot ? kNoSlot : moment + phase;
}

std::vector<Instant> slots_between(const Schedule& schedule, seconds phase, Instant from, Instant to) {
    std::vector<Instant> slots;
    for (auto slot = next_slot(schedule, phase, std::nullopt, from); slot <= to;
         slot = next_slot(schedule, phase, std::nullopt, slot))
        slots.push_back(slot);
    return slots;
}

Due collapse(const Schedule& schedule, seconds phase, Instant first, Instant now) {
    const auto until = std::max(first, now);
    auto due =
        std::visit([&](const auto& clock) { return collapse(clock, first - phase, until - phase); }, schedule.clock);
    due.served += phase;
    if (due.merged_last) *due.merged_last += phase;
    return due;
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
