// SPDX-License-Identifier: Apache-2.0
// What every request passes before and after its platform answers: rules that hold whatever is asked.
#pragma once

#include "faults.hpp"

#include <optional>
#include <string>

namespace sim {

class Guard {
public:
    /// The refusal, if the platform is not to see the request.
    std::optional<Reply> admit(const Call& call, const Origin& origin);
    /// `fault` is the one that hit the answer, or null.
    void finish(const Call& call, const Fault* fault, Reply& reply);

    void require_proof(bool on) { proof_required_ = on; }
    /// Such as `v24.0`; empty: the version asked for.
    void serve_version(std::string version) { served_version_ = std::move(version); }
    /// All rules as at the start.
    void reset();

private:
    bool proof_required_ = false;
    std::string served_version_;
};

}  // namespace sim
