// SPDX-License-Identifier: Apache-2.0
// Limits on command: windows that count requests, and how each platform speaks of them.
#pragma once

#include "scope.hpp"

#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sim {

struct LimitRule {
    std::uint64_t requests = 0;      ///< allowed in a window
    std::chrono::seconds length{0};  ///< a window begins with its first request
};

/// One window as it stands after a request.
struct LimitState {
    LimitScope scope{};
    LimitRule rule;
    std::uint64_t used = 0;
    Moment ends;

    bool full() const { return used >= rule.requests; }
    int percent() const { return full() ? 100 : static_cast<int>(used * 100 / rule.requests); }
    /// Until the window ends, rounded up, at least 1.
    int minutes_left(Moment now) const;
};

struct LimitVerdict {
    std::vector<LimitState> windows;      ///< all that the request falls into
    std::optional<std::size_t> refusing;  ///< index of the full one that ends last; nothing was counted then
};

class LimitBook {
public:
    /// Replaces the rule of that platform and scope. Precondition: neither number is zero.
    void set(Platform platform, LimitScope scope, LimitRule rule);
    void clear();
    bool empty() const { return rules_.empty(); }

    LimitVerdict take(const Caller& caller, Moment now);

private:
    struct Window {
        std::uint64_t used = 0;
        Moment ends;
    };

    Window& window(const std::string& key, const LimitRule& rule, Moment now);

    std::map<std::pair<Platform, LimitScope>, LimitRule> rules_;
    std::unordered_map<std::string, Window> windows_;
};

/// The platform's own words for a full window.
Reply limit_refusal(const Call& call, const Caller& caller, const LimitState& state, Moment now);
/// The usage headers the platform sends with each answer; Google and Snapchat send none.
void add_limit_headers(const Caller& caller, const std::vector<LimitState>& windows, Moment now, Reply& reply);

}  // namespace sim
