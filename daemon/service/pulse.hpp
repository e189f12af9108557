// SPDX-License-Identifier: Apache-2.0
// Whether everything that goes round in the daemon still does: the watchdog is fed only then. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>

namespace tally::service {

using PulseClock = std::chrono::steady_clock;

/// Something that comes round again and again.
struct Pulse {
    std::string_view what;
    PulseClock::time_point at;     ///< when it came round last
    PulseClock::duration longest;  ///< what a round takes at most, with its pause
};

/// The first that should have come round by now.
std::optional<std::string_view> stuck(std::span<const Pulse> pulses, PulseClock::time_point now);

}  // namespace tally::service
