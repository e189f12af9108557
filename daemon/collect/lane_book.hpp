// SPDX-License-Identifier: Apache-2.0
// Decides what a claim takes of which lane: the earliest deadlines first, within what each platform and app may have.
// Pure.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/time.hpp"
#include "daemon/lease/lease.hpp"

namespace tally::collect {

/// What is known of the lanes since they were looked at last, and where claims have got to in them.
class LaneBook {
public:
    /// The heads as the database has them now; claims begin at the front again.
    void look(const std::vector<lease::LaneHead>& heads);

    struct Room {
        unsigned limit = 0;        ///< leases that may be taken in all
        unsigned spare_limit = 0;  ///< of these, what may wait
        /// How many more runs of a lane's platform, and of its platform and app, may be under way.
        std::function<unsigned(const lease::Lane&)> platform, app;
    };
    /// What to ask for; empty when nothing is due that may be served. Where a platform may have less than there is
    /// room, only its lane with the earliest deadline is asked, so that it never gets more.
    std::vector<lease::LaneShare> shares(Instant now, const Room& room) const;

    /// What a claim of `limit` in all gave. A lane that gave less than it was asked for is done until the next look.
    void note(const std::vector<lease::LaneShare>& asked, const std::vector<lease::Assignment>& given, unsigned limit);

    /// False while a lane is used up that nobody has looked at since: what it has next is not known.
    bool knows_all() const noexcept { return knows_all_; }

    /// When the next slot that may be served falls due; nullopt: no lane has one. @param may whether a lane may be
    /// served
    std::optional<Instant> next_due(const std::function<bool(const lease::Lane&)>& may) const;

    /// Platforms that have work in more or less time.
    std::size_t platforms() const;

private:
    struct Entry {
        Instant due_at;
        lease::Cursor after{};
    };
    std::map<lease::Lane, Entry> lanes_;
    bool knows_all_ = true;
};

}  // namespace tally::collect
