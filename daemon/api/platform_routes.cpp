// SPDX-License-Identifier: Apache-2.0
// Alerts, quarantine and budgets over HTTP.
#include "daemon/api/platform_routes.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "daemon/api/input.hpp"

namespace tally::api {

void PlatformRoutes::add_to(Router& router) {
    const auto add = [&](const char* method, const char* pattern, auto member) {
        router.add(method, pattern, Access::guarded,
                   [this, member](const Request& request) { return (this->*member)(request); });
    };
    add("GET", "/api/internal/alerts", &PlatformRoutes::list_alerts);
    add("POST", "/api/internal/alerts/{id}/ack", &PlatformRoutes::ack_alert);
}

PlatformRoutes::Answer PlatformRoutes::list_alerts(const Request& request) {
    const bool all = request.query_value("all") == "true";
    auto work = [all](store::Views& views) { return views.alerts(all); };
    co_return Response::data(co_await with_views(parts_, std::move(work)));
}

PlatformRoutes::Answer PlatformRoutes::ack_alert(const Request& request) {
    const auto id = id_of(request);
    auto work = [id](postgres::Session& session) {
        auto transaction = session.begin();
        const bool found = transaction.exec("ack_alert", {id}).affected() > 0;
        transaction.commit();
        return found;
    };
    if (!co_await with_session(parts_, std::move(work)))
        throw Error(Fault::missing, fmt::format("there is no open alert {}", id), "See 'tallyctl alert list'.");
    co_return Response::data({{"id", id}, {"acked", true}});
}

}  // namespace tally::api
