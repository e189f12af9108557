// SPDX-License-Identifier: Apache-2.0
// What every request passes before and after its platform answers: rules that hold whatever is asked.
#pragma once

#include "limits.hpp"
#include "violations.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace sim {

/// One request between the Guard's doors.
struct Passage {
    Caller caller;
    Moment now;
    LimitVerdict limits;
    std::optional<Reply> refusal;  ///< in place of the platform's answer
};

class Guard {
public:
    Passage enter(const Call& call, const Origin& origin, Moment now);
    /// Adds what the platform says with each answer; comes before a fault spoils it.
    void mark(const Passage& passage, Reply& reply) const;
    /// `fault` is the one that hit the answer, or null; the answer is now as it will be sent.
    void leave(const Call& call, const Passage& passage, const Fault* fault, Reply& reply);

    LimitBook& limits() { return limits_; }
    const Violations& violations() const { return violations_; }
    void require_proof(bool on) { proof_required_ = on; }
    /// Such as `v24.0`; empty: the version asked for.
    void serve_version(std::string version) { served_version_ = std::move(version); }
    /// How long the server holds each answer back.
    void set_latency(std::chrono::milliseconds latency) { latency_ = latency; }
    /// All rules and counters as at the start.
    void reset();

private:
    LimitBook limits_;
    Violations violations_;
    bool proof_required_ = false;
    std::string served_version_;
    std::chrono::milliseconds latency_{0};
};

}  // namespace sim
