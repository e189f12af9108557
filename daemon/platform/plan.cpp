// SPDX-License-Identifier: Apache-2.0
// Decides which days of which requests are asked for.
#include "daemon/platform/plan.hpp"

#include <algorithm>

namespace tally::platform {

namespace {

using std::chrono::days;

constexpr days kDay{1};

bool contains(const MetricSets& sets, const std::string& request, const std::string& metric) {
    const auto found = sets.find(request);
    return found != sets.end() && found->second.contains(metric);
}

/// Whether the newest day of the window is too old for a regular slot.
bool is_gap(const Task& task, Day today) {
    if (!task.days) return false;
    const auto newest = std::chrono::ceil<days>(task.request->final_after) + kNewDays;
    return today - task.days->last > newest;
}

class RequestPlan {
public:
    RequestPlan(const PlanInput& in, const Request& request, Day today) : in_(in), request_(request), today_(today) {
        const auto found = in.coverage.find(request.name);
        if (found != in.coverage.end()) covered_ = &found->second;
    }

    void add_to(std::vector<Task>& tasks, const std::vector<std::string>& metrics) const {
        if (request_.window == Request::Window::now) return add_now(tasks, metrics);
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
    void add_now(std::vector<Task>& tasks, const std::vector<std::string>& metrics) const {
        const bool in_range = !in_.forced || (in_.forced->first <= today_ && today_ <= in_.forced->last);
        if (in_range && (request_.every == Request::Every::slot || wanted(today_)))
            tasks.push_back({.request = &request_, .days = std::nullopt, .metrics = metrics});
    }

    /// May be empty (first after last).
    DayRange askable() const {
        const auto last = request_.every == Request::Every::slot ? today_ : today_ - kDay;
        const auto oldest = today_ - request_.history;
        if (in_.forced) return {std::max(in_.forced->first, oldest), std::min(in_.forced->last, last)};
        return {std::max(today_ - in_.backfill, oldest), last};
    }

    bool wanted(Day day) const {
        const auto status = covered_ == nullptr ? DayMap::const_iterator{} : covered_->find(day);
        const bool known = covered_ != nullptr && status != covered_->end();
        if (in_.forced) return !known || !in_.forced_since || status->second.asked_at < *in_.forced_since;
        if (!known || (day == today_ && request_.every == Request::Every::slot)) return true;
        if (day == today_) return false;  // a number of the moment, asked for once a day
        if (status->second.state == DayState::final || status->second.state == DayState::empty) return false;
        return in_.zone.day_of(status->second.asked_at) < today_;
    }

    const PlanInput& in_;
    const Request& request_;
    const Day today_;
    const DayMap* covered_ = nullptr;
};

}  // namespace

bool makes_sense(const Request& request, const std::map<std::string, std::string>& attributes) {
    return std::all_of(request.only_if.begin(), request.only_if.end(), [&](const auto& condition) {
        const auto known = attributes.find(condition.first);
        return known != attributes.end() &&
               std::find(condition.second.begin(), condition.second.end(), known->second) != condition.second.end();
    });
}

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

Plan plan(const PlanInput& in) {
    const auto today = in.zone.day_of(in.now);
    std::vector<Task> now, probes, past;
    for (const auto& request : in.platform.requests) {
        if (!makes_sense(request, in.attributes) || contains(in.avoid, request.name, "")) continue;
        auto metrics = offered(in.platform, request, today);
        std::vector<std::string> tried;
        std::erase_if(metrics, [&](const std::string& metric) {
            if (contains(in.probe, request.name, metric)) tried.push_back(metric);
            return contains(in.probe, request.name, metric) || contains(in.avoid, request.name, metric);
        });
        const RequestPlan days{in, request, today};
        auto& tasks = request.window == Request::Window::now ? now : past;
        if (!metrics.empty()) days.add_to(tasks, metrics);
        for (auto& metric : tried) {
            std::vector<Task> all;
            days.add_to(all, {std::move(metric)});
            if (all.empty()) continue;
            all.front().is_probe = true;
            probes.push_back(std::move(all.front()));
        }
    }
    std::size_t elsewhere = 0;
    if (!in.forced && in.part != Part::all) {
        if (in.part == Part::gaps) {
            now.clear();
            probes.clear();
        }
        const auto all = past.size();
        std::erase_if(past, [&](const Task& task) { return is_gap(task, today) != (in.part == Part::gaps); });
        if (in.part == Part::regular) elsewhere = all - past.size();
    }
    std::stable_sort(past.begin(), past.end(),
                     [](const Task& a, const Task& b) { return a.days->last > b.days->last; });
    Plan plan{.tasks = std::move(now)};
    plan.tasks.insert(plan.tasks.end(), std::make_move_iterator(probes.begin()), std::make_move_iterator(probes.end()));
    const auto room = plan.tasks.size() < in.max_tasks ? in.max_tasks - plan.tasks.size() : 1;
    const auto fits = std::min(room, past.size());
    plan.left = past.size() - fits + elsewhere;
    plan.tasks.insert(plan.tasks.end(), std::make_move_iterator(past.begin()),
                      std::make_move_iterator(past.begin() + static_cast<std::ptrdiff_t>(fits)));
    return plan;
}

}  // namespace tally::platform
