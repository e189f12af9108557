// SPDX-License-Identifier: Apache-2.0
// Alerts over HTTP.
#include "daemon/api/alert_routes.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/or_null.hpp"
#include "daemon/api/input.hpp"

namespace tally::api {

using nlohmann::json;

void AlertRoutes::add_to(Router& router) {
    router.add("GET", "/api/internal/alerts", Access::guarded,
               [this](const Request& request) { return list(request); });
    router.add("POST", "/api/internal/alerts/{id}/ack", Access::guarded,
               [this](const Request& request) { return acknowledge(request); });
    router.add("POST", "/api/health/test-alert", Access::guarded, [this](const Request&) { return test(); });
}

AlertRoutes::Answer AlertRoutes::list(const Request& request) {
    const bool all = request.query_value("all") == "true";
    auto work = [all](store::Views& views) { return views.alerts(all); };
    co_return Response::data(co_await with_views(parts_, std::move(work)));
}

AlertRoutes::Answer AlertRoutes::acknowledge(const Request& request) {
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

/// Success means that every channel took it.
AlertRoutes::Answer AlertRoutes::test() {
    bool all = true;
    json channels = json::array();
    const auto trials = co_await courier_.test();
    for (const auto& trial : trials) {
        all = all && trial.error.empty();
        channels.push_back(
            {{"name", trial.channel}, {"delivered", trial.error.empty()}, {"error", or_null(trial.error)}});
    }
    co_return Response::json(200, {{"success", all}, {"channels", std::move(channels)}});
}

}  // namespace tally::api
