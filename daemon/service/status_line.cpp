// SPDX-License-Identifier: Apache-2.0
// status_line().
#include "daemon/service/status_line.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/time.hpp"

namespace tally::service {

using namespace std::chrono_literals;

namespace {

std::string whole_seconds(std::chrono::milliseconds time) {
    return render_duration(std::chrono::floor<std::chrono::seconds>(time));
}

std::string work(const StatusFacts& facts) {
    if (facts.running + facts.ready > 0)
        return fmt::format("collecting: {} running, {} ready", facts.running, facts.ready);
    if (!facts.next_slot) return "idle: no connection waits for a slot";
    if (*facts.next_slot <= 0ms) return "collecting: slots are due";
    return fmt::format("idle: next slot in {}",
                       render_duration(std::chrono::ceil<std::chrono::seconds>(*facts.next_slot)));
}

}  // namespace

std::string status_line(const StatusFacts& facts) {
    auto line = work(facts);
    if (facts.last_run) line += fmt::format(", last run {} ago", whole_seconds(*facts.last_run));
    if (facts.database_trouble > 0ms)
        line +=
            fmt::format("; no database for {}, {} results wait", whole_seconds(facts.database_trouble), facts.unstored);
    if (!facts.platforms_down.empty()) line += fmt::format("; down: {}", fmt::join(facts.platforms_down, ", "));
    if (facts.reload_refused) line += "; the last reload was refused";
    return line;
}

}  // namespace tally::service
