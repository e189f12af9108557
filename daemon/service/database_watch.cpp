// SPDX-License-Identifier: Apache-2.0
// DatabaseWatch.
#include "daemon/service/database_watch.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/time.hpp"

namespace tally::service {

namespace {

const auto kEarlier = [](const auto& a, const auto& b) { return a.second.since < b.second.since; };

}  // namespace

void DatabaseWatch::answered(std::string_view task, Clock::time_point now) {
    answered_at_ = now;
    const auto found = failing_.find(task);
    if (found == failing_.end()) return;
    const auto lasted = trouble(now);
    failing_.erase(found);
    if (failing_.empty())
        log_.info("the database answers again",
                  {{"after", render_duration(std::chrono::ceil<std::chrono::seconds>(lasted))}});
}

void DatabaseWatch::failed(std::string_view task, std::string_view meanwhile, const std::exception& error,
                           Clock::time_point now) {
    const auto text = describe_line(error);
    const auto [found, is_new] = failing_.try_emplace(std::string{task}, Failure{now, {}});
    found->second.error = text;
    if (is_new) log_.error("cannot " + std::string{task}, {{"error", text}, {"meanwhile", std::string{meanwhile}}});
}

DatabaseWatch::Clock::duration DatabaseWatch::trouble(Clock::time_point now) const {
    const auto silent = now - answered_at_;
    auto lasted = silent > silence_ ? silent : Clock::duration::zero();
    for (const auto& [task, failure] : failing_) lasted = std::max(lasted, now - failure.since);
    return lasted;
}

std::string DatabaseWatch::error() const {
    const auto first = std::min_element(failing_.begin(), failing_.end(), kEarlier);
    return first == failing_.end() ? "" : first->second.error;
}

}  // namespace tally::service
