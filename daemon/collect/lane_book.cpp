// SPDX-License-Identifier: Apache-2.0
// Shares by deadline.
#include "daemon/collect/lane_book.hpp"

#include <algorithm>
#include <set>

namespace tally::collect {

namespace {

constexpr unsigned kWholeShares = 3;  // so many lanes may give all that is wanted
constexpr unsigned kSmallestShare =
    8;  // with more of them, each gives at most a part: what is left over is locked in vain

}  // namespace

void LaneBook::look(const std::vector<lease::LaneHead>& heads) {
    lanes_.clear();
    knows_all_ = true;
    for (const auto& head : heads) lanes_[head.lane] = {.due_at = head.due_at};
}

std::vector<lease::LaneShare> LaneBook::shares(Instant now, const Room& room) const {
    struct Candidate {
        const lease::Lane* lane;
        const Entry* entry;
        Instant deadline;
    };
    std::vector<Candidate> candidates;
    for (const auto& [lane, entry] : lanes_) {
        if (entry.due_at > now) continue;
        // What may wait comes behind everything that has a deadline.
        const auto deadline = lane.slack ? entry.due_at + *lane.slack : Instant::max();
        candidates.push_back({&lane, &entry, deadline});
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.deadline < b.deadline; });
    auto most = room.limit;
    if (candidates.size() > kWholeShares)
        most = std::clamp(static_cast<unsigned>(std::size_t{kWholeShares} * room.limit / candidates.size()),
                          std::min(kSmallestShare, room.limit), room.limit);

    std::vector<lease::LaneShare> shares;
    std::set<std::string> narrow;  // platforms whose share is given out
    auto spare_left = room.spare_limit;
    for (const auto& [lane, entry, deadline] : candidates) {
        const auto platform = lane->platform();
        if (narrow.contains(platform)) continue;
        const auto wanted = lane->slack ? most : std::min(most, spare_left);
        const auto for_platform = room.platform(*lane);
        if (for_platform < room.limit) narrow.insert(platform);
        const auto limit = std::min({wanted, for_platform, room.app(*lane)});
        if (limit == 0) {
            narrow.erase(platform);  // another lane of it may have room
            continue;
        }
        if (!lane->slack) spare_left -= limit;
        shares.push_back({.lane = *lane, .limit = limit, .after = entry->after});
    }
    return shares;
}

void LaneBook::note(const std::vector<lease::LaneShare>& asked, const std::vector<lease::Assignment>& given,
                    unsigned limit) {
    std::map<lease::Lane, unsigned> counts;
    for (const auto& assignment : given) {
        const auto& lease = assignment.lease;
        ++counts[lease.lane];
        const auto known = lanes_.find(lease.lane);
        if (known == lanes_.end() || !lease.lane.slack) continue;
        const lease::Cursor place{lease.due_at, lease.connection_id};
        known->second.after = std::max(known->second.after, place);
        known->second.due_at = std::max(known->second.due_at, lease.due_at);
    }
    if (given.size() >= limit) return;  // a lane that gave little may have had no turn
    for (const auto& share : asked) {
        if (counts[share.lane] < share.limit && lanes_.erase(share.lane) > 0) knows_all_ = false;
    }
}

std::optional<Instant> LaneBook::next_due(const std::function<bool(const lease::Lane&)>& may) const {
    std::optional<Instant> next;
    for (const auto& [lane, entry] : lanes_) {
        if (may(lane)) next = next ? std::min(*next, entry.due_at) : entry.due_at;
    }
    return next;
}

std::size_t LaneBook::platforms() const {
    std::set<std::string> names;
    for (const auto& [lane, entry] : lanes_) names.insert(lane.platform());
    return names.size();
}

}  // namespace tally::collect
