// SPDX-License-Identifier: Apache-2.0
// Decides the state of each day, and joins neighbouring days and like metrics.
#include "daemon/platform/knowledge.hpp"

#include <algorithm>
#include <array>

namespace tally::platform {

namespace {

using std::chrono::days;

constexpr days kDay{1};
constexpr std::array<std::string_view, 7> kNames{"final",   "provisional", "pending",   "empty",
                                                 "refused", "never_asked", "impossible"};

/// What is known of one day.
struct DayKnowledge {
    Knowledge state;
    std::optional<Instant> asked_at;
};

Knowledge known_state(DayState state) noexcept {
    return static_cast<Knowledge>(state);  // the first five are the same
}
static_assert(static_cast<int>(Knowledge::final) == static_cast<int>(DayState::final));
static_assert(static_cast<int>(Knowledge::refused) == static_cast<int>(DayState::refused));

bool contains(const MetricSets& sets, const std::string& request, const std::string& metric) {
    const auto found = sets.find(request);
    return found != sets.end() && found->second.contains(metric);
}

/// Neighbours join whatever the time of their answers: the latest one stands for the stretch.
void append(std::vector<KnownSpan>& spans, Day day, const DayKnowledge& known) {
    if (spans.empty() || spans.back().state != known.state) {
        spans.push_back({.days = {day, day}, .state = known.state, .asked_at = known.asked_at});
        return;
    }
    spans.back().days.last = day;
    spans.back().asked_at = std::max(spans.back().asked_at, known.asked_at);
}

class RequestKnowledge {
public:
    RequestKnowledge(const KnowledgeInput& in, const Request& request)
        : in_(in),
          request_(request),
          today_(in.zone.day_of(in.now)),
          askable_(askable_days(request, today_, in.zone.day_of(in.connected_at))),
          refused_whole_(contains(in.refused, request.name, "")) {
        if (const auto found = in.coverage.find(request.name); found != in.coverage.end()) covered_ = &found->second;
        if (const auto found = in.numbers.find(request.name); found != in.numbers.end()) numbers_ = &found->second;
    }

    bool has_rows() const {
        return covered_ != nullptr && covered_->lower_bound(in_.range.first) != covered_->upper_bound(in_.range.last);
    }

    std::vector<KnownSpan> of(const std::string& metric) const {
        const auto* known = in_.platform.find_metric(metric);
        const bool is_refused = contains(in_.refused, request_.name, metric);
        std::vector<KnownSpan> spans;
        for (auto day = in_.range.first; day <= in_.range.last; day += kDay) {
            const bool exists =
                known == nullptr || ((!known->since || day >= *known->since) && (!known->until || day < *known->until));
            append(spans, day, exists ? on(day, metric, is_refused) : DayKnowledge{Knowledge::impossible, {}});
        }
        return spans;
    }

private:
    DayKnowledge on(Day day, const std::string& metric, bool is_refused) const {
        const auto known = keeps_no_coverage(request_) ? from_numbers(day, metric) : from_coverage(day);
        if (known.state == Knowledge::impossible) return known;
        if (is_refused && !fetched_at(metric, day)) return {Knowledge::refused, known.asked_at};
        if (refused_whole_ && known.state == Knowledge::never_asked) return {Knowledge::refused, {}};
        return known;
    }

    DayKnowledge from_coverage(Day day) const {
        if (covered_ != nullptr) {
            if (const auto found = covered_->find(day); found != covered_->end())
                return {known_state(found->second.state), found->second.asked_at};
        }
        return unknown(day);
    }

    /// A day that has a number of any metric was asked for.
    DayKnowledge from_numbers(Day day, const std::string& metric) const {
        std::optional<Instant> asked;
        for (const auto& other : request_.metrics) asked = std::max(asked, fetched_at(other, day));
        if (!asked) return unknown(day);
        if (fetched_at(metric, day)) return {day < today_ ? Knowledge::final : Knowledge::provisional, asked};
        return {day < today_ ? Knowledge::empty : Knowledge::pending, asked};
    }

    DayKnowledge unknown(Day day) const {
        const bool askable = askable_.first <= day && day <= askable_.last;
        return {askable ? Knowledge::never_asked : Knowledge::impossible, {}};
    }

    std::optional<Instant> fetched_at(const std::string& metric, Day day) const {
        if (numbers_ == nullptr) return std::nullopt;
        const auto metric_days = numbers_->find(metric);
        if (metric_days == numbers_->end()) return std::nullopt;
        const auto found = metric_days->second.find(day);
        return found == metric_days->second.end() ? std::nullopt : std::optional{found->second};
    }

    const KnowledgeInput& in_;
    const Request& request_;
    const Day today_;
    const DayRange askable_;
    const bool refused_whole_;
    const DayMap* covered_ = nullptr;
    const std::map<std::string, std::map<Day, Instant>, std::less<>>* numbers_ = nullptr;
};

}  // namespace

std::string_view to_text(Knowledge state) noexcept {
    return kNames[static_cast<std::size_t>(state)];
}

bool keeps_no_coverage(const Request& request) noexcept {
    return request.window == Request::Window::now && request.every == Request::Every::slot;
}

DayRange askable_days(const Request& request, Day today, Day connected) {
    if (request.window == Request::Window::now) return {connected, today};
    return {today - request.history, request.every == Request::Every::slot ? today : today - kDay};
}

MetricSets numbers_wanted(const Platform& platform, const MetricSets& refused) {
    MetricSets wanted;
    for (const auto& request : platform.requests) {
        for (const auto& metric : request.metrics) {
            if (keeps_no_coverage(request) || contains(refused, request.name, metric))
                wanted[request.name].insert(metric);
        }
    }
    return wanted;
}

std::vector<MetricDays> knowledge(const KnowledgeInput& in) {
    std::vector<MetricDays> result;
    for (const auto& request : in.platform.requests) {
        const RequestKnowledge days{in, request};
        if (!makes_sense(request, in.attributes) && !days.has_rows()) continue;
        const auto begin = result.size();
        for (const auto& metric : request.metrics) {
            // Only compared with the numbers of another request, which tells of its days.
            if (std::find(request.compare.begin(), request.compare.end(), metric) != request.compare.end()) continue;
            auto spans = days.of(metric);
            const auto like = std::find_if(result.begin() + static_cast<std::ptrdiff_t>(begin), result.end(),
                                           [&](const MetricDays& other) { return other.days == spans; });
            if (like != result.end())
                like->metrics.push_back(metric);
            else
                result.push_back({.request = &request, .metrics = {metric}, .days = std::move(spans)});
        }
    }
    return result;
}

}  // namespace tally::platform
