// SPDX-License-Identifier: Apache-2.0
// The first reason that holds is the one that counts.
#include "daemon/collect/why.hpp"

#include <fmt/format.h>

#include "daemon/schedule/schedule.hpp"

namespace tally::collect {

namespace {

using std::chrono::seconds;

/// "2026-11-21T02:00:00Z (in 3h12m)", to the second.
std::string at(Instant when, Instant now) {
    const auto whole = std::chrono::floor<seconds>(when);
    const auto distance = std::chrono::duration_cast<seconds>(when - now);
    if (std::chrono::abs(distance) < seconds{1}) return render_instant(whole);
    return distance > seconds{0} ? fmt::format("{} (in {})", render_instant(whole), render_duration(distance))
                                 : fmt::format("{} ({} ago)", render_instant(whole), render_duration(-distance));
}

std::string because(const std::string& text) {
    return text.empty() ? "" : ": " + text;
}

Why of_state(const WaitFacts& facts) {
    const auto since = facts.state_since ? " since " + at(*facts.state_since, facts.now) : "";
    if (facts.state == "paused")
        return {"paused", fmt::format("paused{}{}; 'tallyctl connection resume' lets it go on.", since,
                                      because(facts.state_reason))};
    if (facts.state == "gone")
        return {"gone",
                fmt::format("the platform says that the account is gone{}{}; 'tallyctl connection resume' tries it "
                            "again.",
                            since, because(facts.state_reason))};
    return {"needs_authorization",
            fmt::format("its token does not work{}{}; a person must log in again: 'tallyctl connection authorize', or "
                        "'connection add' with a new token.",
                        since, because(facts.state_reason))};
}

std::string last_run(const WaitFacts& facts) {
    if (!facts.last_run) return "it has never run";
    const auto& run = *facts.last_run;
    return fmt::format("the last run ({}) {} at {}{}", run.id, run.state == "partial" ? "succeeded in part" : run.state,
                       at(run.finished_at, facts.now), because(run.error));
}

}  // namespace

Why why(const WaitFacts& f) {
    if (!f.platform_known)
        return {"disabled",
                fmt::format("there is no platform file for '{}': see 'tallyctl platform list'.", f.platform)};
    if (!f.platform_enabled)
        return {"disabled", fmt::format("the platform '{}' is switched off: see platforms.{}.enabled in tallyd.yaml.",
                                        f.platform, f.platform)};
    if (f.state != "active") return of_state(f);
    if (f.leased_by) return {"running", fmt::format("it is being served right now by node {}.", *f.leased_by)};
    if (f.blocked_until && *f.blocked_until > f.now)
        return {"blocked",
                fmt::format("its budget is empty until {}{}.", at(*f.blocked_until, f.now), because(f.blocked_reason))};
    if (f.collect_at <= f.now && f.down_since)
        return {
            "platform_down",
            fmt::format("{} seems to be down since {}: one connection at a time tries it, the next {}; this one is due "
                        "since {} and follows when it answers.",
                        f.platform, at(*f.down_since, f.now), f.probe_at ? "at " + at(*f.probe_at, f.now) : "now",
                        at(f.collect_at, f.now))};
    if (f.collect_at <= f.now)
        return {"due", fmt::format("it is due since {}{} and waits for its turn{}.", at(f.collect_at, f.now),
                                   f.triggers > 0 ? ", asked for by hand," : "",
                                   f.before == 0 ? ""
                                   : f.before >= 1000
                                       ? " behind 1000 others or more"
                                       : fmt::format(" behind {} other{}", f.before, f.before == 1 ? "" : "s"))};
    if (f.collect_at == schedule::kNoSlot)
        return {"not_due",
                fmt::format("it has no slot until tally_trigger() makes one (tier {}, {}); {}{}.", f.tier, f.schedule,
                            last_run(f), f.spare_at ? "; older days follow in what time is left" : "")};
    const bool slot_open = f.slot_at <= f.now;
    const bool waited = f.last_run && f.last_run->error_class.starts_with("wait");
    if (slot_open && waited)
        return {"blocked",
                fmt::format("it was told to wait until {}{}.", at(f.collect_at, f.now), because(f.last_run->error))};
    const bool failed = f.last_run && f.last_run->error_class.starts_with("retry");
    if ((slot_open && f.attempt > 0) || (failed && (slot_open || f.collect_at < f.slot_at)))
        return {"retry", fmt::format("attempt {} of {} follows at {}; {}.", f.attempt + 1, f.attempts,
                                     at(f.collect_at, f.now), last_run(f))};
    if (waited && f.collect_at > f.slot_at)
        return {"blocked",
                fmt::format("it was told to wait until {}{}.", at(f.collect_at, f.now), because(f.last_run->error))};
    return {"not_due",
            fmt::format("it is not due until {} (tier {}, {}); {}{}.", at(f.collect_at, f.now), f.tier, f.schedule,
                        last_run(f), f.spare_at ? "; older days follow in what time is left" : "")};
}

}  // namespace tally::collect
