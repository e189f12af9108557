// SPDX-License-Identifier: Apache-2.0
// What one node knows of limits: who must wait until when, how fast requests may follow each other, how much of a
// counted window it has in hand. Pure: the clock is given.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/platform/platform.hpp"
#include "daemon/platform/target.hpp"
#include "daemon/platform/usage.hpp"

namespace tally::collect {

/// One limit's owner: "instagram", app, "default".
struct BudgetKey {
    std::string platform;
    platform::BudgetScope scope = platform::BudgetScope::app;
    std::string id;  ///< the app's name, a hash of the token, the account's id
    auto operator<=>(const BudgetKey&) const = default;
};

/// Whose budgets a request draws on.
BudgetKey key_of(const platform::Platform& platform, const platform::Target& target, platform::BudgetScope scope);

/// The window of a counted limit that holds `now`; [start, end).
struct Window {
    Instant start, end;
    friend bool operator==(const Window&, const Window&) = default;
};
Window window_of(const platform::RateLimit& limit, Instant now);

/// Limits over less than this are paces, kept by each node; longer ones are counted over all nodes.
constexpr std::chrono::hours kCountedFrom{1};
inline bool is_counted(const platform::RateLimit& limit) noexcept {
    return limit.per >= kCountedFrom;
}

/// Not before `until`, and why.
struct Denial {
    Instant until;
    std::string reason;
    bool backfill_only = false;  ///< a regular slot would have been let through, or might have been
};

/// What a request may do now.
struct Turn {
    std::optional<Denial> denial;                ///< not at all for longer than anyone should sit and wait
    Instant send_at;                             ///< else: sleep until then
    bool reserved = false;                       ///< the request may then be sent; else ask again
    const platform::RateLimit* empty = nullptr;  ///< else: this counted limit must be topped up first
};

class BudgetBook {
public:
    /// Waits up to this are slept through by whoever has the request in hand.
    static constexpr std::chrono::seconds kPatience{10};
    /// A backfill steps out of the line sooner: the line stays short enough for regular slots.
    static constexpr std::chrono::seconds kBackfillPatience{2};
    /// A counter that nobody asked about for so long is forgotten; what it had in hand, a two-hundredth of its window
    /// at most, is lost with it.
    static constexpr std::chrono::hours kForgetAfter{1};

    /// Takes a turn under every limit of the request, or nothing at all. @param request name of a request or look-up
    /// @param backfill leaves what is kept for regular slots
    Turn take(const platform::Platform& platform, const platform::Target& target, std::string_view request, Instant now,
              bool backfill = false);

    /// Whether anything about this target must wait longer than the patience; takes nothing.
    std::optional<Denial> blocked(const platform::Platform& platform, const platform::Target& target,
                                  Instant now) const;

    void block(const BudgetKey& key, Instant until, const std::string& reason);
    /// @param now when the readings' answer came
    void note(const platform::Platform& platform, const platform::Target& target,
              const std::vector<platform::UsageReading>& readings, Instant now);

    /// A portion of a counted window, from the store that all nodes share. 0: there is nothing left in it, or, where a
    /// backfill had asked, nothing for backfills.
    void grant(const BudgetKey& key, const platform::RateLimit& limit, const Window& window, std::int64_t amount,
               bool backfill = false);
    /// How much to ask the shared store for: small at first, and as much as lasts some seconds when it is used up
    /// sooner. What a node has in hand when it dies is lost until the window ends.
    std::int64_t portion(const BudgetKey& key, const platform::RateLimit& limit, Instant now);
    /// What was granted of the window so far.
    std::int64_t granted(const BudgetKey& key, const platform::RateLimit& limit, const Window& window) const;
    /// What of the window was used since the last call.
    std::int64_t take_used(const BudgetKey& key, const std::string& limit);

    /// Paces of an app are shared by so many nodes.
    void set_nodes(std::size_t nodes) noexcept { nodes_ = nodes == 0 ? 1 : nodes; }
    /// Forgets what does not matter any more: memory is for the accounts that were seen lately.
    void sweep(Instant now);
    /// Owners that something is known about.
    std::size_t size() const noexcept { return states_.size(); }

    struct Used {
        BudgetKey key;
        std::string limit;
        Window window;
        std::int64_t used = 0;
    };
    std::vector<Used> take_all_used();
    /// What was taken and could not be reported, as far as its window still is the current one.
    void give_back(const std::vector<Used>& used);

private:
    struct Pace {
        Instant full_at{};  // when the burst is whole again (generic cell rate algorithm)
    };
    struct Counter {
        Window window;
        std::int64_t granted = 0, left = 0, used = 0;
        bool empty = false, empty_for_backfills = false;  // the shared store had nothing left
        std::int64_t portion = 0;                         // asked for last, then
        Instant portion_at{};
        Instant asked_at{};
    };
    struct State {
        Instant blocked_until{};
        std::string reason;
        std::chrono::milliseconds spacing{0};
        Instant spaced_until{}, next_at{};
        std::map<std::string, Pace> paces;
        std::map<std::string, Counter> counters;
    };
    Instant pace_at(const State& state, const platform::RateLimit& limit, Instant now) const;
    double requests_of(const platform::RateLimit& limit) const;

    std::map<BudgetKey, State> states_;
    std::size_t nodes_ = 1;
};

}  // namespace tally::collect
