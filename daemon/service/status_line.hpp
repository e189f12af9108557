// SPDX-License-Identifier: Apache-2.0
// The line that `systemctl status tallyd` shows. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace tally::service {

/// What the daemon has in memory.
struct StatusFacts {
    std::size_t running = 0;                              ///< runs that ask platforms
    std::size_t ready = 0;                                ///< claimed, to begin when one of these ends
    std::size_t unstored = 0;                             ///< results that wait for the database
    std::optional<std::chrono::milliseconds> last_run{};  ///< so long ago one was stored; nullopt: none yet
    std::optional<std::chrono::milliseconds>
        next_slot{};  ///< until one falls due, 0 or less: one is; nullopt: none waits
    std::chrono::milliseconds database_trouble{0};
    std::vector<std::string> platforms_down{};
    bool reload_refused = false;
};

/// "collecting: 12 running, 3 ready, last run 4s ago", with what is wrong behind it.
std::string status_line(const StatusFacts& facts);

}  // namespace tally::service
