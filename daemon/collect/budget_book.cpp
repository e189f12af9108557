// SPDX-License-Identifier: Apache-2.0
// BudgetBook: one state for each app, token and account.
#include "daemon/collect/budget_book.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>

namespace tally::collect {

namespace {

using platform::BudgetScope;
using platform::RateLimit;
using platform::to_text;
using std::chrono::milliseconds;

constexpr std::array kScopes{BudgetScope::app, BudgetScope::token, BudgetScope::account};

/// A burst and a steady rate that together never exceed the limit in any window of its length.
constexpr double kBurst = 0.2, kSteady = 0.8;
constexpr std::chrono::minutes kSpacingKeeps{10};
/// Parts of a counted window that a node takes at once: few questions to the database, little lost when a node dies.
constexpr std::int64_t kSmallestPortion = 2000, kLargestPortion = 200;
constexpr std::chrono::seconds kPortionLasts{10};

/// Tokens are not kept as keys: a hash that leads nowhere is.
std::string hash_of(const Secret& token) {
    std::array<unsigned char, 12> hash{};
    const auto& text = token.reveal();
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                       nullptr, 0);
    std::array<char, hash.size() * 2 + 1> hex{};
    sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
    return hex.data();
}

}  // namespace

BudgetKey key_of(const platform::Platform& platform, const platform::Target& target, BudgetScope scope) {
    BudgetKey key{.platform = platform.name, .scope = scope, .id = {}};
    switch (scope) {
        case BudgetScope::app: {
            const auto app = target.attributes.find("app");
            key.id = app == target.attributes.end() || app->second.empty() ? "default" : app->second;
            break;
        }
        case BudgetScope::token:
            key.id = hash_of(target.access_token);
            break;
        case BudgetScope::account:
            key.id = target.account;
    }
    return key;
}

Window window_of(const RateLimit& limit, Instant now) {
    if (limit.resets) {
        const auto day = limit.resets->day_of(now);
        return {limit.resets->start_of(day), limit.resets->end_of(day)};
    }
    const auto length = std::chrono::duration_cast<Instant::duration>(limit.per);
    const auto since = now.time_since_epoch() % length;
    return {now - since, now - since + length};
}

double BudgetBook::requests_of(const RateLimit& limit) const {
    const auto share = limit.scope == BudgetScope::app ? static_cast<double>(nodes_) : 1.0;
    return static_cast<double>(limit.requests) / share;
}

/// When the next request fits; does not take it.
Instant BudgetBook::pace_at(const State& state, const RateLimit& limit, Instant now) const {
    const auto pace = state.paces.find(limit.name);
    if (pace == state.paces.end()) return now;
    const auto burst = std::chrono::duration_cast<Instant::duration>(limit.per) * kBurst;
    return std::max(now, std::chrono::floor<Instant::duration>(pace->second.full_at - burst));
}

Turn BudgetBook::take(const platform::Platform& platform, const platform::Target& target, std::string_view request,
                      Instant now, bool backfill) {
    Turn turn{.denial = {}, .send_at = now};
    std::array<State*, kScopes.size()> states{};
    for (const auto scope : kScopes) {
        auto& state = states_[key_of(platform, target, scope)];
        states[static_cast<std::size_t>(scope)] = &state;
        const auto next_at = state.spaced_until > now ? state.next_at : Instant{};
        const auto not_before = std::max(state.blocked_until, next_at);
        if (not_before <= turn.send_at) continue;
        turn.send_at = not_before;
        if (not_before <= now + kPatience) continue;
        turn.denial = Denial{not_before, next_at > state.blocked_until
                                             ? fmt::format("{} is near its limit: requests are spaced", to_text(scope))
                                             : state.reason};
    }
    if (turn.denial) return turn;
    for (const auto& limit : platform.limits) {
        if (!limit.applies_to(request)) continue;
        auto& state = *states[static_cast<std::size_t>(limit.scope)];
        if (!is_counted(limit)) {
            const auto fits_at = pace_at(state, limit, now);
            turn.send_at = std::max(turn.send_at, fits_at);
            if (fits_at <= now + (backfill ? kBackfillPatience : kPatience)) continue;
            turn.denial = Denial{.until = fits_at,
                                 .reason = fmt::format("the limit '{}' of {} requests in {} is taken until then",
                                                       limit.name, limit.requests, render_duration(limit.per)),
                                 .backfill_only = fits_at <= now + kPatience};
            return turn;
        }
        auto& counter = state.counters[limit.name];
        const auto window = window_of(limit, now);
        if (counter.window.end <= now) counter = {.window = window};
        counter.asked_at = now;
        const bool kept = backfill && counter.empty_for_backfills;  // what came since is for regular slots
        if (counter.left > 0 && !kept) continue;
        if (counter.left <= 0 && counter.empty)
            turn.denial =
                Denial{.until = counter.window.end,
                       .reason = fmt::format("the limit '{}' of {} requests is used up", limit.name, limit.requests)};
        else if (kept)
            turn.denial = Denial{.until = counter.window.end,
                                 .reason = fmt::format("what is left of the limit '{}' of {} requests is for regular "
                                                       "slots",
                                                       limit.name, limit.requests),
                                 .backfill_only = true};
        else
            turn.empty = &limit;
        return turn;
    }
    // A block or a space in the way is slept through first and asked about again; a pace reserves its place in the
    // line.
    for (auto* state : states) {
        if (state->blocked_until > now) return turn;
        if (state->spaced_until > now && state->next_at > now) return turn;
    }
    for (const auto& limit : platform.limits) {
        if (!limit.applies_to(request)) continue;
        auto& state = *states[static_cast<std::size_t>(limit.scope)];
        if (is_counted(limit)) {
            auto& counter = state.counters[limit.name];
            --counter.left;
            ++counter.used;
            continue;
        }
        const auto period = std::chrono::duration_cast<Instant::duration>(limit.per);
        const auto interval = std::chrono::ceil<Instant::duration>(period / (requests_of(limit) * kSteady));
        auto& pace = state.paces[limit.name];
        pace.full_at = std::max(pace.full_at, now) + interval;
    }
    turn.reserved = true;
    for (auto* state : states) {
        if (state->spaced_until > now) state->next_at = std::max(turn.send_at, state->next_at) + state->spacing;
    }
    return turn;
}

std::optional<Denial> BudgetBook::blocked(const platform::Platform& platform, const platform::Target& target,
                                          Instant now) const {
    std::optional<Denial> latest;
    for (const auto scope : kScopes) {
        const auto found = states_.find(key_of(platform, target, scope));
        if (found == states_.end()) continue;
        const auto until = found->second.blocked_until;
        if (until > now + kPatience && (!latest || until > latest->until)) latest = Denial{until, found->second.reason};
    }
    return latest;
}

void BudgetBook::block(const BudgetKey& key, Instant until, const std::string& reason) {
    auto& state = states_[key];
    if (until <= state.blocked_until) return;
    state.blocked_until = until;
    state.reason = reason;
}

void BudgetBook::note(const platform::Platform& platform, const platform::Target& target,
                      const std::vector<platform::UsageReading>& readings, Instant now) {
    for (const auto& reading : readings) {
        const auto key = key_of(platform, target, reading.scope);
        if (reading.blocked_until)
            block(key, *reading.blocked_until,
                  fmt::format("{} is at {:.0f} % of its limit", to_text(reading.scope), reading.used * 100));
        auto& state = states_[key];
        state.spacing = reading.spacing;
        state.spaced_until = reading.spacing.count() == 0 ? Instant{} : reading.resets_at.value_or(now + kSpacingKeeps);
        if (reading.spacing.count() > 0) state.next_at = std::max(state.next_at, now + reading.spacing);
    }
}

void BudgetBook::grant(const BudgetKey& key, const RateLimit& limit, const Window& window, std::int64_t amount,
                       bool backfill) {
    auto& counter = states_[key].counters[limit.name];
    if (counter.window != window) counter = {.window = window};
    counter.granted += amount;
    counter.left += amount;
    (backfill ? counter.empty_for_backfills : counter.empty) = amount <= 0 && counter.left <= 0;
}

std::int64_t BudgetBook::portion(const BudgetKey& key, const RateLimit& limit, Instant now) {
    auto& counter = states_[key].counters[limit.name];
    const auto requests = static_cast<std::int64_t>(limit.requests);
    const auto least = std::max<std::int64_t>(1, requests / kSmallestPortion),
               most = std::max<std::int64_t>(1, requests / kLargestPortion);
    const auto lasted = now - counter.portion_at;
    if (lasted < kPortionLasts)
        counter.portion *= 2;
    else if (lasted > 4 * kPortionLasts)
        counter.portion /= 2;
    counter.portion = std::clamp(counter.portion, least, most);
    counter.portion_at = now;
    return counter.portion;
}

std::int64_t BudgetBook::granted(const BudgetKey& key, const RateLimit& limit, const Window& window) const {
    const auto state = states_.find(key);
    if (state == states_.end()) return 0;
    const auto counter = state->second.counters.find(limit.name);
    const bool known = counter != state->second.counters.end() && counter->second.window == window;
    return known ? counter->second.granted : 0;
}

std::int64_t BudgetBook::take_used(const BudgetKey& key, const std::string& limit) {
    const auto state = states_.find(key);
    if (state == states_.end()) return 0;
    const auto counter = state->second.counters.find(limit);
    return counter == state->second.counters.end() ? 0 : std::exchange(counter->second.used, 0);
}

std::vector<BudgetBook::Used> BudgetBook::take_all_used() {
    std::vector<Used> result;
    for (auto& [key, state] : states_) {
        for (auto& [limit, counter] : state.counters) {
            if (counter.used > 0)
                result.push_back(
                    {.key = key, .limit = limit, .window = counter.window, .used = std::exchange(counter.used, 0)});
        }
    }
    return result;
}

void BudgetBook::give_back(const std::vector<Used>& used) {
    for (const auto& entry : used) {
        auto& counter = states_[entry.key].counters[entry.limit];
        if (counter.window.start == entry.window.start) counter.used += entry.used;
    }
}

void BudgetBook::sweep(Instant now) {
    for (auto& [key, state] : states_) {
        std::erase_if(state.counters, [&](const auto& named) {
            const auto& counter = named.second;
            return counter.used == 0 && (counter.window.end <= now || counter.asked_at + kForgetAfter <= now);
        });
    }
    std::erase_if(states_, [&](const auto& entry) {
        const auto& state = entry.second;
        const bool paces_idle = std::all_of(state.paces.begin(), state.paces.end(),
                                            [&](const auto& pace) { return pace.second.full_at <= now; });
        return state.blocked_until <= now && state.spaced_until <= now && paces_idle && state.counters.empty();
    });
}

}  // namespace tally::collect
