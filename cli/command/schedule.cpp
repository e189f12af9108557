// SPDX-License-Identifier: Apache-2.0
// tallyctl schedule
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/context.hpp"
#include "common/error.hpp"
#include "daemon/schedule/preview.hpp"

namespace tally::cli {

namespace {

using namespace std::chrono;
using schedule::Preview;

constexpr std::size_t kMostSlots = 1'000;
constexpr std::array<std::string_view, 7> kWeekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

std::size_t read_count(const Arguments& arguments) {
    const auto text = arguments.find("count").value_or("10");
    std::size_t count = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || stop != text.data() + text.size() || count < 1 || count > kMostSlots)
        throw Error{Fault::usage, fmt::format("--count: not a number from 1 to {}: '{}'", kMostSlots, text)};
    return count;
}

/// Whether to show the clock changes rather than what comes next.
bool read_around(const Arguments& arguments) {
    const auto around = arguments.find("around");
    if (around && *around != "dst")
        throw Error{Fault::usage, fmt::format("--around: cannot look around '{}'", *around),
                    "Write dst for the next two clock changes."};
    return around.has_value();
}

const config::Tier& find_tier(const config::Config& config, const std::string& name) {
    const auto found = config.tiers.find(name);
    if (found != config.tiers.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [known, tier] : config.tiers) names.push_back(known);
    throw Error{Fault::missing, fmt::format("there is no tier '{}'", name),
                fmt::format("Known are: {}.", fmt::join(names, ", "))};
}

/// The zone that local times are shown in.
TimeZone read_zone(const Arguments& arguments, const config::Tier& tier) {
    const auto name = arguments.find("zone").value_or(tier.zone);
    const auto zone = TimeZone::find(name);
    if (!zone)
        throw Error{Fault::usage, fmt::format("--zone: not a time zone: '{}'", name),
                    "Write a name such as Europe/Berlin."};
    return *zone;
}

std::vector<ClockChange> next_two_changes(const TimeZone& zone, Instant after) {
    std::vector<ClockChange> changes;
    for (auto change = zone.next_change(after); change && changes.size() < 2; change = zone.next_change(change->at))
        changes.push_back(*change);
    return changes;
}

/// "every 15m", "cron 0 2 * * * in Europe/Berlin" or "cron external"
std::string schedule_text(const config::Tier& tier) {
    if (tier.is_external()) return fmt::format("cron {}", config::kExternalCron);
    if (tier.every) return "every " + render_duration(*tier.every);
    return fmt::format("cron {} in {}", tier.cron.value_or(""), tier.zone);
}

std::string clock_text(local_seconds time) {
    const hh_mm_ss clock{time - floor<days>(time)};
    return fmt::format("{:02}:{:02}:{:02}", clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string offset_text(seconds offset) {
    const auto size = std::abs(duration_cast<minutes>(offset).count());
    return fmt::format("{}{:02}:{:02}", offset < seconds{0} ? '-' : '+', size / 60, size % 60);
}

/// "Sun 2027-03-28 03:00:00 +02:00"
std::string people_text(const TimeZone& zone, Instant instant) {
    const auto time = zone.wall_time(instant);
    const auto day = floor<days>(time);
    return fmt::format("{} {} {} {}", kWeekdays.at(weekday{day}.c_encoding()), render_day(day), clock_text(time),
                       offset_text(zone.offset(instant)));
}

/// "2027-03-28T03:00:00+02:00"
std::string rfc3339_text(const TimeZone& zone, Instant instant) {
    const auto time = zone.wall_time(instant);
    return fmt::format("{}T{}{}", render_day(floor<days>(time)), clock_text(time), offset_text(zone.offset(instant)));
}

/// When the last connections of a slot start: "06:00:00", with the date when it is another one.
std::string until_text(const TimeZone& zone, Instant slot, seconds spread) {
    const auto time = zone.wall_time(slot + spread);
    const auto day = floor<days>(time);
    const auto clock = clock_text(time);
    return day == zone.day_of(slot) ? clock : fmt::format("{} {}", render_day(day), clock);
}

void say_what_is_shown(Context& context, const config::Tier& tier, const TimeZone& zone) {
    context.console.say(
        fmt::format("{}: {}; local times are those of {}", printable(tier.name), schedule_text(tier), zone.name()));
    if (tier.spread > seconds{0})
        context.console.say(fmt::format("each connection starts at its own place within {} after these moments",
                                        render_duration(tier.spread)));
}

void say_changes(Context& context, const TimeZone& zone, const std::vector<ClockChange>& changes) {
    if (changes.empty())
        context.console.say(fmt::format("{} has no clock changes ahead: every day is like any other", zone.name()));
    for (const auto& change : changes) context.console.say(schedule::describe(change));
}

void print_slots(Context& context, const std::vector<Preview>& slots, const TimeZone& zone, seconds spread) {
    const bool spreads = spread > seconds{0};
    std::vector<Column> columns{{"LOCAL"}, {"UTC"}, {"AFTER THE LAST", true}, {"NOTE"}};
    if (spreads) columns.insert(columns.begin() + 1, {"STARTS UNTIL"});
    auto table = make_table(context, std::move(columns));
    for (const auto& slot : slots) {
        const auto distance = slot.before ? duration_cast<milliseconds>(slot.at - *slot.before) : milliseconds{0};
        std::vector<std::string> row{people_text(zone, slot.at), render_instant(slot.at),
                                     slot.before ? render_duration(distance) : "", slot.note};
        if (spreads) row.insert(row.begin() + 1, until_text(zone, slot.at, spread));
        table.add(std::move(row), slot.note.empty() ? Tone::plain : Tone::warning);
    }
    table.finish();
}

}  // namespace

int preview_schedule(Context& context, const Arguments& arguments) {
    const auto count = read_count(arguments);
    const bool around_changes = read_around(arguments);
    const auto& tier = find_tier(context.config(), arguments.at("TIER"));
    const auto zone = read_zone(arguments, tier);
    const auto when = schedule::make_schedule(tier);
    const auto start = now();

    const auto changes = around_changes ? next_two_changes(zone, start) : std::vector<ClockChange>{};
    const auto slots = tier.is_external() ? std::vector<Preview>{}
                       : around_changes   ? schedule::preview_around(when, zone, changes, count)
                                          : schedule::preview(when, zone, start, count);
    if (context.json) {
        auto list = Json::array();
        for (const auto& slot : slots)
            list.push_back({{"at", render_instant(slot.at)},
                            {"local", rfc3339_text(zone, slot.at)},
                            {"note", slot.note.empty() ? Json{} : Json(slot.note)}});
        context.print({{"tier", tier.name},
                       {"schedule", schedule_text(tier)},
                       {"zone", zone.name()},
                       {"spread_seconds", tier.spread.count()},
                       {"slots", std::move(list)}});
        return kExitDone;
    }
    if (tier.is_external()) {
        context.console.say(fmt::format("{}: slots come from outside: tally_trigger()", printable(tier.name)));
        return kExitDone;
    }
    say_what_is_shown(context, tier, zone);
    if (around_changes)
        say_changes(context, zone, changes);
    else
        context.console.say(
            fmt::format("the next one comes in {}", render_duration(ceil<seconds>(slots.front().at - start))));
    if (!slots.empty()) print_slots(context, slots, zone, tier.spread);
    return kExitDone;
}

}  // namespace tally::cli
