// SPDX-License-Identifier: Apache-2.0
// Quarantine and budgets over HTTP.
#include "daemon/api/platform_routes.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/or_null.hpp"
#include "daemon/api/input.hpp"
#include "daemon/collect/spending.hpp"

namespace tally::api {

namespace {

using nlohmann::json;

json budget_json(const collect::Spending& spent) {
    const bool is_wait = spent.limit.empty();
    json entry{{"platform", spent.platform},
               {"limit", or_null(spent.limit)},
               {"scope", platform::to_text(spent.scope)},
               {"key", or_null(spent.key)},
               {"per_seconds", nullptr},
               {"allowed", nullptr},
               {"used", nullptr},
               {"reserved", nullptr},
               {"window_start", nullptr},
               {"window_end", nullptr},
               {"empty_at", or_null(spent.empty_at)},
               {"blocked_until", or_null(spent.blocked_until)},
               {"reason", or_null(spent.reason)}};
    if (is_wait) return entry;
    entry["per_seconds"] = std::chrono::duration<double>(spent.per).count();
    entry["allowed"] = spent.allowed;
    if (!spent.counted) return entry;
    entry["used"] = spent.used;
    entry["reserved"] = spent.reserved;
    if (spent.window) {
        entry["window_start"] = render_instant(spent.window->start);
        entry["window_end"] = render_instant(spent.window->end);
    }
    return entry;
}

}  // namespace

void PlatformRoutes::add_to(Router& router) {
    const auto add = [&](const char* method, const char* pattern, auto member) {
        router.add(method, pattern, Access::guarded,
                   [this, member](const Request& request) { return (this->*member)(request); });
    };
    add("GET", "/api/internal/quarantine", &PlatformRoutes::list_quarantine);
    add("GET", "/api/internal/budgets", &PlatformRoutes::list_budgets);
    router.add("GET", "/api/internal/load", Access::guarded, [this](const Request&) { return load(); });
}

PlatformRoutes::Answer PlatformRoutes::list_quarantine(const Request& request) {
    const auto platform = request.query_value("platform");
    if (platform) check_platform(parts_, *platform);
    auto work = [platform](store::Views& views) { return views.quarantine(platform); };
    co_return Response::data(co_await with_views(parts_, std::move(work)));
}

PlatformRoutes::Answer PlatformRoutes::list_budgets(const Request& request) {
    const auto platform = request.query_value("platform");
    if (platform) check_platform(parts_, *platform);
    // The last seconds count too.
    co_await parts_.budgets.flush();
    auto work = [platform, rules = parts_.dispatcher.rules()](store::Views& views) {
        const auto at = now();
        json budgets = json::array(), spenders = json::array();
        for (const auto& spent : collect::spending_of(*rules, platform, views.budgets(platform), at))
            budgets.push_back(budget_json(spent));
        for (const auto& known : rules->catalog.all()) {
            if (platform && *platform != known->name) continue;
            const auto since = collect::spent_since(*known, at);
            auto users = views.spenders(known->name, since);
            if (users.empty()) continue;
            spenders.push_back(
                {{"platform", known->name}, {"since", render_instant(since)}, {"users", std::move(users)}});
        }
        return json{{"budgets", std::move(budgets)}, {"spenders", std::move(spenders)}};
    };
    co_return Response::data(co_await with_views(parts_, std::move(work)));
}

PlatformRoutes::Answer PlatformRoutes::load() {
    auto work = [](store::Views& views) { return views.connection_counts(); };
    json counts = json::array();
    for (const auto& count : co_await with_views(parts_, std::move(work)))
        counts.push_back({{"platform", count.platform},
                          {"app", or_null(count.app)},
                          {"tier", count.tier},
                          {"connections", count.connections}});
    co_return Response::data({{"connections", std::move(counts)}});
}

}  // namespace tally::api
