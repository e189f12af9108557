// SPDX-License-Identifier: Apache-2.0
// What a well-behaved client never does: calls while told to wait, uses a refresh token twice, insists on a dead token.
#pragma once

#include "scope.hpp"

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sim {

/// A refusal by a limit, as a client reads it from the answer.
struct ToldToWait {
    LimitScope scope{};
    Moment until;
};

/// Nothing if the answer is no such refusal. The time is the one stated: the minutes of the business header,
/// Ratelimit-Reset, Retry-After, the coming Pacific midnight for a day's quota; else a second.
std::optional<ToldToWait> read_refusal(const Caller& caller, const Reply& reply, Moment now);

class Violations {
public:
    /// The request arrived.
    void arrive(const Call& call, const Caller& caller, Moment now);
    /// It was answered, and the client has the answer after `delay`. `meant` is the scope of the refusal where it is
    /// known better than the answer tells.
    void answered(const Call& call, const Caller& caller, const Reply& reply, std::optional<LimitScope> meant,
                  Moment now, std::chrono::milliseconds delay);

    Json show() const;

private:
    struct Wait {
        Moment told;
        Moment until;
    };

    void remember(std::string example);
    void check_wait(const Call& call, const Caller& caller, Moment now);
    void check_token(const Call& call, const Caller& caller);

    std::unordered_map<std::string, Wait> waits_;                 // by scope_key
    std::unordered_map<std::string, std::uint64_t> dead_tokens_;  // requests with each
    std::unordered_set<std::string> spent_refresh_tokens_;
    std::uint64_t while_told_to_wait_ = 0;
    std::uint64_t refresh_reused_ = 0;
    std::uint64_t with_dead_token_ = 0;
    std::vector<std::string> examples_;
};

}  // namespace sim
