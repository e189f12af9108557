// SPDX-License-Identifier: Apache-2.0
// A platform that is down is probed, not hammered, and finds its customers coming back one after the other. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <set>

#include "common/time.hpp"

namespace tally::collect {

/// The circuit breaker of one platform on one node. Counts runs, not requests.
class Breaker {
public:
    enum class State {
        closed,      ///< all is well
        open,        ///< nothing answers: one run at a time tries, after growing pauses
        recovering,  ///< it answers again: one run more at a time for each that was answered
    };

    /// What a run told of the platform.
    struct Report {
        std::int64_t connection_id = 0;
        bool answered = false;   ///< false: nothing but errors that pass by themselves (no connection, 5xx)
        bool was_probe = false;  ///< began while the breaker was open
    };
    /// True when the state changed.
    bool note(const Report& report, unsigned most, Instant now, std::mt19937_64& random);

    /// How many runs may be under way at once; `most` when all is well.
    unsigned allowance(unsigned most, Instant now) const noexcept;
    State state() const noexcept { return state_; }
    Instant since() const noexcept { return since_; }  ///< of a state that is not closed
    std::optional<Instant> probe_at() const noexcept;  ///< while open: when the next probe may begin

private:
    void open(Instant now, std::mt19937_64& random);

    State state_ = State::closed;
    Instant since_{}, probe_at_{};
    std::chrono::milliseconds pause_{0};
    unsigned failures_ = 0;           // in a row
    std::set<std::int64_t> failing_;  // connections behind them, as many as are needed
    unsigned room_ = 0;               // while recovering
};

}  // namespace tally::collect
