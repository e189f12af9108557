// SPDX-License-Identifier: Apache-2.0
// Walks a schedule and finds the words for its clock changes.
#include "daemon/schedule/preview.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tally::schedule {

using namespace std::chrono;
using config::LocalMinute;

namespace {

constexpr hours kRarest{24 * 366 * 41};  // a line for 29 February on a Sunday may wait 40 years
constexpr std::size_t kNamedTimes = 3;

std::string clock_text(local_seconds time) {
    const hh_mm_ss clock{time - floor<days>(time)};
    return fmt::format("{:02}:{:02}", clock.hours().count(), clock.minutes().count());
}

std::string date_text(local_seconds time) {
    return render_day(floor<days>(time));
}

local_seconds clock_before(const ClockChange& change) {
    return local_seconds{floor<seconds>(change.at).time_since_epoch() + change.before};
}

local_seconds clock_after(const ClockChange& change) {
    return local_seconds{floor<seconds>(change.at).time_since_epoch() + change.after};
}

std::string from_to(const ClockChange& change) {
    return fmt::format("clocks go from {} to {}", clock_text(clock_before(change)), clock_text(clock_after(change)));
}

std::optional<ClockChange> last_change(const TimeZone& zone, Instant after, Instant until) {
    std::optional<ClockChange> last;
    for (auto change = zone.next_change(after); change && change->at <= until; change = zone.next_change(change->at))
        last = change;
    return last;
}

/// The times of the line that the change skips; none when clocks go back.
std::vector<LocalMinute> skipped_times(const config::Cron& cron, const ClockChange& change) {
    std::vector<LocalMinute> times;
    for (auto time = cron.next_after(ceil<minutes>(clock_before(change)) - minutes{1}); time < clock_after(change);
         time = cron.next_after(time))
        times.push_back(time);
    return times;
}

/// "02:30 does not", "02:00 and 02:30 do not", "02:00, 02:01, 02:02 and 57 more do not"
std::string missing_text(const std::vector<LocalMinute>& times) {
    std::string text;
    const auto named = std::min(times.size(), kNamedTimes);
    for (std::size_t i = 0; i < named; ++i)
        text += (i == 0 ? "" : i + 1 == times.size() ? " and " : ", ") + clock_text(times[i]);
    if (times.size() > named) text += fmt::format(" and {} more", times.size() - named);
    return text + (times.size() == 1 ? " does not" : " do not");
}

std::string explain_doubled(const std::string& clock, const WallTime& wall, Instant moment, bool interval) {
    if (!interval) return fmt::format("{}: runs at the first pass only", clock);
    return fmt::format("{}: an interval goes on through both, this is the {} pass", clock,
                       moment == wall.first ? "first" : "second");
}

/// The last `count` moments up to and including `until`; fewer when there are no more for decades.
std::vector<Instant> last_moments(const Schedule& schedule, Instant until, std::size_t count) {
    for (hours span{1};; span *= 2) {
        auto moments = slots_between(schedule, seconds{0}, until - span, until);
        if (moments.size() < count && span < kRarest) continue;
        if (moments.size() > count) moments.erase(moments.begin(), moments.end() - static_cast<std::ptrdiff_t>(count));
        return moments;
    }
}

/// Appends the `count` moments after `after`.
void walk(const Schedule& schedule, const TimeZone& shown, Instant after, std::size_t count,
          std::vector<Preview>& moments) {
    const auto earlier = last_moments(schedule, after, 1);
    auto before = earlier.empty() ? std::nullopt : std::optional{earlier.back()};
    auto time = after;
    for (std::size_t i = 0; i < count; ++i) {
        time = next_slot(schedule, seconds{0}, std::nullopt, time);
        moments.push_back({.at = time, .before = before, .note = explain(schedule, shown, before, time)});
        before = time;
    }
}

}  // namespace

std::string describe(const ClockChange& change) {
    return fmt::format("{} on {}", from_to(change), date_text(clock_before(change)));
}

std::string explain(const Schedule& schedule, const TimeZone& shown, std::optional<Instant> before, Instant moment) {
    const auto* line = std::get_if<CronIn>(&schedule.clock);
    const auto& zone = line != nullptr ? line->zone : shown;
    const bool interval = line == nullptr || line->cron.every_hour();
    const auto clock = zone.wall_time(moment);
    const auto place = zone == shown ? std::string{} : " in " + zone.name();

    const auto wall = zone.resolve(clock);
    if (wall.kind == WallTime::Kind::doubled)
        return explain_doubled(fmt::format("{} happens twice on {}{}", clock_text(clock), date_text(clock), place),
                               wall, moment, interval);
    if (!before) return {};
    const auto change = last_change(zone, *before, moment);
    const auto skipped = line != nullptr && change ? skipped_times(line->cron, *change) : std::vector<LocalMinute>{};
    if (!skipped.empty())
        return fmt::format("{} exist on {}{}: {}; {} at {}", missing_text(skipped), date_text(skipped.front()), place,
                           from_to(*change),
                           interval              ? "an interval goes on"
                           : skipped.size() == 1 ? "runs once"
                                                 : "run once",
                           clock_text(clock));
    // Nothing is missing or doubled, but the distance to the moment before is not the usual one.
    if (change && zone.offset(*before) != zone.offset(moment)) return describe(*change) + place;
    const auto seen = last_change(shown, *before, moment);
    return seen && shown.offset(*before) != shown.offset(moment) ? describe(*seen) : std::string{};
}

std::vector<Preview> preview(const Schedule& schedule, const TimeZone& shown, Instant after, std::size_t count) {
    std::vector<Preview> moments;
    walk(schedule, shown, after, count, moments);
    return moments;
}

std::vector<Preview> preview_around(const Schedule& schedule, const TimeZone& shown,
                                    const std::vector<ClockChange>& changes, std::size_t count) {
    std::vector<Preview> moments;
    for (const auto& change : changes) {
        const auto just_before = change.at - microseconds{1};
        const auto earlier = last_moments(schedule, just_before, count / 2);
        walk(schedule, shown, earlier.empty() ? just_before : earlier.front() - microseconds{1},
             earlier.size() + count - count / 2, moments);
    }
    // Those of a rare schedule lie around both changes.
    const auto earlier = [](const Preview& a, const Preview& b) { return a.at < b.at; };
    const auto same = [](const Preview& a, const Preview& b) { return a.at == b.at; };
    std::sort(moments.begin(), moments.end(), earlier);
    moments.erase(std::unique(moments.begin(), moments.end(), same), moments.end());
    return moments;
}

}  // namespace tally::schedule
