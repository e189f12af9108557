// SPDX-License-Identifier: Apache-2.0
// Deletes numbers that are older than the tier of their user keeps them.
#include <optional>

#include "common/counted.hpp"
#include "daemon/duty/work.hpp"

namespace tally::duty {

namespace {

using postgres::Param;

constexpr std::int64_t kRows = 5'000;         // of one transaction
constexpr std::size_t kUsers = 500;           // looked up at once
constexpr std::int64_t kConnections = 1'000;  // whose coverage is trimmed at once
constexpr std::chrono::days kZoneMargin{1};   // an account's day may be one behind UTC: it must not be asked for anew

/// The oldest day that is kept, by tier. Users that are gone, and tiers that the configuration does not know (any
/// more), are kept as long as the tier that keeps longest: what is deleted cannot be had again.
struct Keeping {
    std::vector<std::string> tiers;
    std::vector<std::optional<Day>> oldest;  ///< nullopt: all are kept
    std::optional<Day> others;
    std::int64_t grace = 0;    ///< days for which a user's tier before goes on to keep
    Day settled = Day::min();  ///< from here on every tier keeps all
};

Keeping keeping_of(const collect::Rules& rules, Instant at) {
    Keeping keeping;
    keeping.grace = rules.config.history.downgrade_grace.count();
    for (const auto& [name, tier] : rules.config.tiers) {
        const auto oldest = rules.oldest_kept(name, at);
        keeping.tiers.push_back(name);
        keeping.oldest.push_back(oldest);
        if (oldest) keeping.settled = std::max(keeping.settled, *oldest);
    }
    if (const auto longest = rules.longest_retention()) keeping.others = TimeZone::utc().day_of(at) - *longest;
    return keeping;
}

/// A table whose rows belong to users.
struct Place {
    const char* users;             ///< statement: who has rows there
    const char* remove;            ///< statement: deletes some of them
    std::optional<DayRange> days;  ///< of a partition
};

/// From user to user, so that the key finds what is old and nobody's newer rows are read.
std::int64_t delete_old(Work& work, const Keeping& keeping, const Place& place) {
    std::vector<Param> range;
    if (place.days) range = {place.days->first, place.days->last + std::chrono::days{1}};
    const auto with_range = [&](std::vector<Param> params) {
        params.insert(params.end(), range.begin(), range.end());
        return params;
    };
    std::int64_t deleted = 0;
    std::string after;
    for (std::size_t seen = kUsers; seen == kUsers;) {
        std::vector<std::string> users;
        std::vector<Day> oldest;
        {
            auto transaction = work.begin();
            const auto rows = transaction.exec(
                place.users, with_range({after, keeping.tiers, keeping.oldest, keeping.others, kUsers, keeping.grace}));
            seen = rows.size();
            for (const auto& row : rows) {
                after = row.text("user_id");
                const auto day = row.optional_day("oldest");
                if (!day || (place.days && *day <= place.days->first)) continue;
                users.push_back(after);
                oldest.push_back(*day);
            }
        }
        for (std::int64_t some = users.empty() ? 0 : kRows; some == kRows; work.rest()) {
            auto transaction = work.begin();
            const auto result = transaction.exec(place.remove, with_range({users, oldest, kRows}));
            transaction.commit();
            some = static_cast<std::int64_t>(result.affected());
            deleted += some;
        }
    }
    return deleted;
}

std::int64_t delete_snapshots(Work& work, const Keeping& keeping) {
    std::vector<DayRange> partitions;
    {
        auto transaction = work.begin();
        for (const auto& row : transaction.exec("partitions_of", {"analytics_snapshots"}))
            partitions.push_back({row.day("first"), row.day("past") - std::chrono::days{1}});
    }
    std::int64_t deleted = 0;
    for (const auto& days : partitions) {
        if (days.first >= keeping.settled) continue;
        deleted +=
            delete_old(work, keeping, {.users = "users_with_snapshots", .remove = "delete_snapshots", .days = days});
    }
    return deleted;
}

/// What is known of days whose numbers are gone.
void trim_coverage(Work& work, Keeping keeping) {
    for (auto& oldest : keeping.oldest)
        if (oldest) *oldest -= kZoneMargin;
    if (keeping.others) *keeping.others -= kZoneMargin;
    for (std::int64_t after = 0;;) {
        auto transaction = work.begin();
        const auto last = transaction.exec("connections_after", {after, kConnections})[0].optional_integer("last");
        if (!last) return;
        transaction.exec("delete_coverage",
                         {after, *last, keeping.tiers, keeping.oldest, keeping.others, keeping.grace});
        transaction.commit();
        after = *last;
        work.rest();
    }
}

}  // namespace

/// Whole partitions first: what lies before the longest retention goes without touching a row. A tier that keeps for
/// ever forbids that, used by anybody or not: a user of it may have been removed, or be the next one.
Done keep_retention(Work& work) {
    const auto keeping = keeping_of(work.rules(), database_day(work).at);
    std::vector<std::string> clauses;
    Drop drop;
    if (keeping.others) drop = drop_partitions(work, "analytics_snapshots", *keeping.others);
    tell(drop, clauses);
    const auto numbers = delete_snapshots(work, keeping);
    const auto restated =
        delete_old(work, keeping, {.users = "users_with_revisions", .remove = "delete_revisions", .days = {}});
    trim_coverage(work, keeping);
    if (numbers > 0) clauses.push_back("deleted " + counted(numbers, "number", "numbers"));
    if (restated > 0) clauses.push_back("deleted " + counted(restated, "restated value", "restated values"));
    auto result = done(clauses, "nothing was too old");
    if (!drop.in_use.empty()) result.again = kInTheWay;
    return result;
}

}  // namespace tally::duty
