// SPDX-License-Identifier: Apache-2.0
// Limits on command: the windows that count requests.
#include "limits.hpp"

#include <algorithm>

namespace sim {
namespace {

/// More windows than this and the ended ones are thrown away.
constexpr std::size_t kManyWindows = 10'000;

}  // namespace

int LimitState::minutes_left(Moment now) const {
    return static_cast<int>(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::minutes>(ends - now).count()));
}

void LimitBook::set(Platform platform, LimitScope scope, LimitRule rule) {
    rules_[{platform, scope}] = rule;
    windows_.clear();
}

void LimitBook::clear() {
    rules_.clear();
    windows_.clear();
}

LimitBook::Window& LimitBook::window(const std::string& key, const LimitRule& rule, Moment now) {
    if (windows_.size() > kManyWindows) std::erase_if(windows_, [now](const auto& w) { return w.second.ends <= now; });
    auto& found = windows_[key];
    // One that ends later than a new one would was begun before the clock was set back.
    if (found.ends <= now || found.ends > now + rule.length) found = Window{0, now + rule.length};
    return found;
}

LimitVerdict LimitBook::take(const Caller& caller, Moment now) {
    LimitVerdict verdict;
    if (!caller.platform) return verdict;
    std::vector<std::string> keys;
    for (const auto scope : kLimitScopes) {
        const auto rule = rules_.find({*caller.platform, scope});
        auto key = rule == rules_.end() ? std::string{} : scope_key(caller, scope);
        if (key.empty()) continue;
        const auto& found = window(key, rule->second, now);
        const LimitState state{scope, rule->second, found.used, found.ends};
        if (state.full() && (!verdict.refusing || state.ends > verdict.windows[*verdict.refusing].ends))
            verdict.refusing = verdict.windows.size();
        verdict.windows.push_back(state);
        keys.push_back(std::move(key));
    }
    if (verdict.refusing) return verdict;
    for (auto& state : verdict.windows) ++state.used;
    for (const auto& key : keys) ++windows_[key].used;
    return verdict;
}

}  // namespace sim
