// SPDX-License-Identifier: Apache-2.0
// Joins limits, rows and plans.
#include "daemon/collect/spending.hpp"

#include <algorithm>
#include <set>

namespace tally::collect {

namespace {

using platform::BudgetScope;
using platform::RateLimit;

/// Requests go on as they did since the window began.
std::optional<Instant> empty_at(const Spending& spent, Instant now) {
    if (!spent.window || spent.used <= 0) return std::nullopt;
    if (spent.left() == 0) return now;
    const std::chrono::duration<double> so_far = now - spent.window->start;
    const auto rest = so_far * (static_cast<double>(spent.left()) / static_cast<double>(spent.used));
    if (rest >= std::chrono::duration<double>(spent.window->end - now)) return std::nullopt;
    return now + std::chrono::floor<std::chrono::seconds>(rest);
}

Spending untouched(const std::string& platform, const RateLimit& limit, Instant now) {
    return {.platform = platform,
            .limit = limit.name,
            .scope = limit.scope,
            .key = {},
            .per = limit.per,
            .counted = is_counted(limit),
            .allowed = limit.requests,
            .window = is_counted(limit) ? std::optional{window_of(limit, now)} : std::nullopt,
            .empty_at = {},
            .blocked_until = {},
            .reason = {}};
}

Spending touched(const RateLimit& limit, const store::BudgetRow& row, Instant now) {
    auto spent = untouched(row.platform, limit, now);
    spent.key = row.key;
    if (row.window_start && row.window_end) spent.window = Window{*row.window_start, *row.window_end};
    spent.allowed = row.allowed;
    spent.used = row.used;
    spent.reserved = std::max<std::int64_t>(0, row.granted - row.used);
    spent.empty_at = empty_at(spent, now);
    return spent;
}

void add_limit(const platform::Platform& platform, const RateLimit& limit, const std::set<std::string>& apps,
               const std::vector<store::BudgetRow>& rows, Instant now, std::vector<Spending>& result) {
    std::set<std::string> seen;
    for (const auto& row : rows) {
        if (row.platform != platform.name || row.limit != limit.name || row.scope != platform::to_text(limit.scope) ||
            !is_counted(limit) || (row.window_end && *row.window_end <= now))
            continue;
        result.push_back(touched(limit, row, now));
        seen.insert(row.key);
    }
    if (is_counted(limit) && limit.scope == BudgetScope::app) {
        for (const auto& app : apps) {
            if (seen.contains(app)) continue;
            result.push_back(untouched(platform.name, limit, now));
            result.back().key = app;
        }
    } else if (seen.empty()) {
        result.push_back(untouched(platform.name, limit, now));
    }
}

std::set<std::string> apps_of(const Rules& rules, const std::string& platform) {
    std::set<std::string> names{"default"};
    if (const auto known = rules.apps.find(platform); known != rules.apps.end()) {
        for (const auto& [name, app] : known->second) {
            if (!name.empty()) names.insert(name);
        }
    }
    return names;
}

/// When the last of `needed` requests can be sent: windows to come are whole.
std::optional<Instant> fits_at(const Spending& spent, std::int64_t needed, Instant now) {
    if (!spent.counted) return std::nullopt;
    const auto more = needed - spent.left();
    if (more <= 0 || spent.allowed <= 0) return std::nullopt;
    const auto windows = (more + spent.allowed - 1) / spent.allowed;
    const auto end = spent.window ? spent.window->end : now;
    return end + std::chrono::duration_cast<Instant::duration>(spent.per) * (windows - 1);
}

}  // namespace

std::vector<Spending> spending_of(const Rules& rules, const std::optional<std::string>& platform,
                                  const std::vector<store::BudgetRow>& rows, Instant now) {
    std::vector<Spending> result;
    for (const auto& known : rules.catalog.all()) {
        if (platform && *platform != known->name) continue;
        const auto apps = apps_of(rules, known->name);
        for (const auto& limit : known->limits) add_limit(*known, limit, apps, rows, now, result);
        for (const auto& row : rows) {
            const auto scope = platform::parse_scope(row.scope);
            if (row.platform != known->name || !scope || !row.blocked_until || *row.blocked_until <= now) continue;
            result.push_back({.platform = row.platform,
                              .limit = {},
                              .scope = *scope,
                              .key = row.key,
                              .window = {},
                              .empty_at = {},
                              .blocked_until = row.blocked_until,
                              .reason = row.reason});
        }
    }
    return result;
}

Instant spent_since(const platform::Platform& platform, Instant now) {
    std::optional<Instant> earliest;
    for (const auto& limit : platform.limits) {
        if (!is_counted(limit)) continue;
        const auto start = window_of(limit, now).start;
        if (!earliest || start < *earliest) earliest = start;
    }
    return earliest.value_or(now - std::chrono::hours{24});
}

PlatformCost cost_of(const platform::Platform& platform, const std::vector<PlannedCost>& plans,
                     const std::vector<Spending>& spending, Instant now) {
    PlatformCost cost{.platform = platform.name,
                      .connections = plans.size(),
                      .at_least = false,
                      .limits = {},
                      .blocked_until = {},
                      .reason = {}};
    for (const auto& plan : plans) {
        cost.requests += static_cast<std::int64_t>(plan.tasks.size());
        for (const auto& task : plan.tasks)
            cost.at_least = cost.at_least || task.request->paging.kind != platform::Paging::Kind::none;
    }
    std::set<std::string> apps;
    for (const auto& limit : platform.limits) {
        std::map<std::string, std::int64_t> needed;  // by key; a token is known by its connection only
        for (const auto& plan : plans) {
            const auto key =
                limit.scope == BudgetScope::token ? plan.target.account : key_of(platform, plan.target, limit.scope).id;
            needed[key] += std::count_if(plan.tasks.begin(), plan.tasks.end(),
                                         [&](const auto& task) { return limit.applies_to(task.request->name); });
        }
        std::optional<LimitCost> tightest;
        for (const auto& [key, count] : needed) {
            const auto known = std::find_if(spending.begin(), spending.end(), [&, id = key](const Spending& spent) {
                return spent.limit == limit.name && spent.key == id;
            });
            const auto spent = known == spending.end() ? untouched(platform.name, limit, now) : *known;
            LimitCost line{.limit = limit.name,
                           .scope = limit.scope,
                           .key = limit.scope == BudgetScope::token ? "" : key,
                           .needed = count,
                           .counted = spent.counted,
                           .allowed = spent.allowed,
                           .left = spent.left(),
                           .per = limit.per,
                           .fits_at = fits_at(spent, count, now)};
            if (limit.scope == BudgetScope::app)
                cost.limits.push_back(std::move(line));
            else if (!tightest || line.left - line.needed < tightest->left - tightest->needed)
                tightest = std::move(line);
        }
        if (tightest) cost.limits.push_back(std::move(*tightest));
    }
    for (const auto& plan : plans) apps.insert(key_of(platform, plan.target, BudgetScope::app).id);
    for (const auto& spent : spending) {
        if (!spent.blocked_until || spent.scope != BudgetScope::app || !apps.contains(spent.key)) continue;
        if (cost.blocked_until && *cost.blocked_until >= *spent.blocked_until) continue;
        cost.blocked_until = spent.blocked_until;
        cost.reason = spent.reason;
    }
    return cost;
}

}  // namespace tally::collect
