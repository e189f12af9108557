// SPDX-License-Identifier: Apache-2.0
// Decides which days of which requests are asked for.
#include "daemon/platform/plan.hpp"

#include <algorithm>

namespace tally::platform {

namespace {

using std::chrono::days;

constexpr days kDay{1};

/// What the platform has on offer on that date.
std::vector<std::string> offered(const Platform& platform, const Request& request, Day today) {
    std::vector<std::string> metrics;
    for (const auto& name : request.metrics) {
        const auto* metric = platform.find_metric(name);
        const bool early = metric->since && today < *metric->since;
        const bool late = metric->until && today >= *metric->until;
        if (!early && !late) metrics.push_back(name);
    }
    return metrics;
}

class RequestPlan {
public:
    RequestPlan(const PlanInput& in, const Request& request, Day today) : in_(in), request_(request), today_(today) {
        const auto found = in.coverage.find(request.name);
        if (found != in.coverage.end()) covered_ = &found->second;
    }

    void add_to(std::vector<Task>& tasks, const std::vector<std::string>& metrics) const {
        const auto longest = request_.window == Request::Window::day ? kDay : request_.window_days;
        const auto range = askable();
        auto day = range.last;
        while (day >= range.first) {
            if (!wanted(day)) {
                day -= kDay;
                continue;
            }
            DayRange window{day, day};
            while (window.first > range.first && window.last - window.first + kDay < longest &&
                   wanted(window.first - kDay))
                window.first -= kDay;
            tasks.push_back({.request = &request_, .days = window, .metrics = metrics});
            day = window.first - kDay;
        }
    }

private:
    /// May be empty (first after last).
    DayRange askable() const {
        const auto last = request_.every == Request::Every::slot ? today_ : today_ - kDay;
        const auto oldest = today_ - request_.history;
        if (in_.forced) return {std::max(in_.forced->first, oldest), std::min(in_.forced->last, last)};
        return {std::max(today_ - in_.backfill, oldest), last};
    }

    bool wanted(Day day) const {
        if (in_.forced || day == today_ || covered_ == nullptr) return true;
        const auto status = covered_->find(day);
        if (status == covered_->end()) return true;
        if (status->second.state == DayState::final || status->second.state == DayState::empty) return false;
        return in_.zone.day_of(status->second.asked_at) < today_;
    }

    const PlanInput& in_;
    const Request& request_;
    const Day today_;
    const DayMap* covered_ = nullptr;
};

}  // namespace

std::vector<Task> plan(const PlanInput& in) {
    const auto today = in.zone.day_of(in.now);
    const bool with_now = !in.forced || (in.forced->first <= today && today <= in.forced->last);
    std::vector<Task> now, past;
    for (const auto& request : in.platform.requests) {
        const auto metrics = offered(in.platform, request, today);
        if (metrics.empty()) continue;
        if (request.window != Request::Window::now)
            RequestPlan{in, request, today}.add_to(past, metrics);
        else if (with_now)
            now.push_back({.request = &request, .days = std::nullopt, .metrics = metrics});
    }
    std::stable_sort(past.begin(), past.end(),
                     [](const Task& a, const Task& b) { return a.days->last > b.days->last; });
    now.insert(now.end(), std::make_move_iterator(past.begin()), std::make_move_iterator(past.end()));
    return now;
}

}  // namespace tally::platform
