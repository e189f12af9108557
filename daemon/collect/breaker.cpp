// SPDX-License-Identifier: Apache-2.0
// When a breaker opens, how it probes, how it closes.
#include "daemon/collect/breaker.hpp"

#include <algorithm>

namespace tally::collect {

namespace {

using namespace std::chrono_literals;

constexpr unsigned kFailuresThatOpen = 5;        // in a row
constexpr std::size_t kConnectionsThatOpen = 3;  // behind them: less may be the accounts' own trouble
constexpr unsigned kFailuresThatReopen = 3;
constexpr unsigned kRoomThatCloses = 16;  // it has answered so often again that it may have all
constexpr std::chrono::milliseconds kFirstPause = 5s, kLongestPause = 2min;

}  // namespace

bool Breaker::note(const Report& report, unsigned most, Instant now, std::mt19937_64& random) {
    const auto before = state_;
    if (report.answered) {
        failures_ = 0;
        failing_.clear();
        if (state_ == State::open) {
            state_ = State::recovering;
            room_ = 1;
        }
        if (state_ == State::recovering && ++room_ >= std::min(most, kRoomThatCloses)) {
            state_ = State::closed;
            pause_ = 0ms;
        }
        return state_ != before;
    }
    ++failures_;
    if (failing_.size() < kConnectionsThatOpen) failing_.insert(report.connection_id);
    switch (state_) {
        case State::closed:
            if (failures_ < kFailuresThatOpen || failing_.size() < kConnectionsThatOpen) return false;
            since_ = now;
            open(now, random);
            return true;
        case State::recovering:
            if (failures_ < kFailuresThatReopen) return false;
            open(now, random);
            return true;
        case State::open:
            if (report.was_probe) open(now, random);  // what began before says nothing new
            return false;
    }
    return false;
}

void Breaker::open(Instant now, std::mt19937_64& random) {
    state_ = State::open;
    pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
    // Nodes that lost the platform together do not probe it together.
    std::uniform_int_distribution<std::int64_t> part{pause_.count() / 2, pause_.count()};
    probe_at_ = now + std::chrono::milliseconds{part(random)};
}

unsigned Breaker::allowance(unsigned most, Instant now) const noexcept {
    switch (state_) {
        case State::closed:
            return most;
        case State::open:
            return now >= probe_at_ ? std::min(1U, most) : 0;
        case State::recovering:
            break;
    }
    return std::min(room_, most);
}

std::optional<Instant> Breaker::probe_at() const noexcept {
    return state_ == State::open ? std::optional{probe_at_} : std::nullopt;
}

}  // namespace tally::collect
