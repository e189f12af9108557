// SPDX-License-Identifier: Apache-2.0
// All platforms behind one door: gives each request to its platform, its fault or the control interface.
#pragma once

#include "faults.hpp"
#include "guard.hpp"
#include "http.hpp"
#include "twitch_meter.hpp"
#include "world.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>

namespace sim {

struct Stats {
    std::uint64_t requests = 0;                               ///< without those of the control interface
    std::array<std::uint64_t, kPlatforms + 1> by_platform{};  ///< in the order of Platform; the last: nobody's
    std::map<unsigned, std::uint64_t> by_status;
    std::uint64_t in_flight = 0;
    std::uint64_t concurrent_max = 0;  ///< requests read and not yet answered completely
};

/// Ten years, in seconds: no further is the simulated clock from the real one.
inline constexpr std::int64_t kLargestOffset = 315'576'000;

/// Single-threaded. Knows no clock: the real time comes with the request, and the simulated one is so much later.
class Simulator {
public:
    explicit Simulator(std::uint64_t seed, std::chrono::seconds clock_offset = {})
        : world_{seed}, faults_{seed}, first_offset_{clock_offset}, offset_{clock_offset} {}

    /// Never throws for anything a client may send.
    Reply answer(const Request& request, Moment real);

    /// The server calls these around the life of each request that is not for the control interface.
    void begin();
    void end() { --stats_.in_flight; }

    World& world() { return world_; }
    FaultBook& faults() { return faults_; }
    Guard& guard() { return guard_; }
    void set_clock_offset(std::chrono::seconds offset) { offset_ = offset; }
    const Stats& stats() const { return stats_; }
    /// World, faults, rules, clock and counters as at the start; requests in flight stay counted.
    void reset();

private:
    World world_;
    FaultBook faults_;
    Guard guard_;
    TwitchMeter twitch_;
    std::chrono::seconds first_offset_;
    std::chrono::seconds offset_;
    Stats stats_;
    std::uint64_t serial_ = 0;
};

bool is_control_path(std::string_view path);

}  // namespace sim
