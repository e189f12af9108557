// SPDX-License-Identifier: Apache-2.0
// stuck().
#include "daemon/service/pulse.hpp"

#include <algorithm>

namespace tally::service {

std::optional<std::string_view> stuck(std::span<const Pulse> pulses, PulseClock::time_point now) {
    const auto late = [now](const Pulse& pulse) { return now - pulse.at > pulse.longest; };
    const auto found = std::find_if(pulses.begin(), pulses.end(), late);
    return found == pulses.end() ? std::nullopt : std::optional{found->what};
}

}  // namespace tally::service
