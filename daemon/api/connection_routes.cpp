// SPDX-License-Identifier: Apache-2.0
// Connections over HTTP.
#include "daemon/api/connection_routes.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "daemon/api/input.hpp"

namespace tally::api {

namespace {

using nlohmann::json;

store::ConnectionName name_of(const Request& request) {
    return {.user_id = request.params.at("user"),
            .platform = request.params.at("platform"),
            .account_id = request.params.at("account")};
}

}  // namespace

void ConnectionRoutes::add_to(Router& router) {
    const auto add = [&](const char* method, const std::string& pattern, auto member) {
        router.add(method, pattern.c_str(), Access::guarded,
                   [this, member](const Request& request) { return (this->*member)(request); });
    };
    const std::string connection = "/api/internal/users/{user}/connections/{platform}/{account}";
    add("GET", "/api/internal/connections", &ConnectionRoutes::list_connections);
    add("GET", connection, &ConnectionRoutes::show_connection);
    add("PUT", connection, &ConnectionRoutes::put_connection);
    add("DELETE", connection, &ConnectionRoutes::delete_connection);
    add("POST", connection + "/pause", &ConnectionRoutes::pause_connection);
    add("POST", connection + "/resume", &ConnectionRoutes::resume_connection);
    add("POST", connection + "/check", &ConnectionRoutes::check_connection);
}

ConnectionRoutes::Answer ConnectionRoutes::list_connections(const Request& request) {
    const auto filter = filter_of(request);
    auto work = [filter](store::Views& views) { return views.connections(filter); };
    co_return Response::data(co_await with_views(parts_, std::move(work)));
}

boost::asio::awaitable<json> ConnectionRoutes::one_connection(store::ConnectionName name) {
    store::ListFilter filter;
    filter.user_id = name.user_id;
    filter.platform = name.platform;
    filter.account_id = name.account_id;
    auto work = [filter](store::Views& views) { return views.connections(filter)["connections"]; };
    auto found = co_await with_views(parts_, std::move(work));
    if (found.empty())
        throw Error(Fault::missing,
                    fmt::format("there is no connection '{}' {} '{}'", name.user_id, name.platform, name.account_id),
                    "See 'tallyctl connection list'.");
    co_return found[0];
}

ConnectionRoutes::Answer ConnectionRoutes::show_connection(const Request& request) {
    co_return Response::data(co_await one_connection(name_of(request)));
}

ConnectionRoutes::Answer ConnectionRoutes::put_connection(const Request& request) {
    const auto name = name_of(request);
    check_platform(parts_, name.platform);
    const auto body = request.json();
    allow_members(body, {"token", "attributes", "source"});
    const auto connection = read_connection(name, body);
    auto work = [connection](store::Registry& registry) { return registry.put_connection(connection); };
    const bool created = co_await with_registry(parts_, std::move(work));
    parts_.dispatcher.wake();
    co_return Response::data(co_await one_connection(name), created ? 201 : 200);
}

ConnectionRoutes::Answer ConnectionRoutes::delete_connection(const Request& request) {
    const auto name = name_of(request);
    auto work = [name](store::Registry& registry) {
        registry.remove_connection(name);
        return true;
    };
    co_await with_registry(parts_, std::move(work));
    co_return Response::data({{"removed", true}});
}

ConnectionRoutes::Answer ConnectionRoutes::pause_connection(const Request& request) {
    const auto name = name_of(request);
    auto work = [name](store::Registry& registry) {
        registry.pause(name, "paused by an operator");
        return true;
    };
    co_await with_registry(parts_, std::move(work));
    co_return Response::data(co_await one_connection(name));
}

ConnectionRoutes::Answer ConnectionRoutes::resume_connection(const Request& request) {
    const auto name = name_of(request);
    auto work = [name](store::Registry& registry) {
        registry.resume(name);
        return true;
    };
    co_await with_registry(parts_, std::move(work));
    parts_.dispatcher.wake();
    co_return Response::data(co_await one_connection(name));
}

ConnectionRoutes::Answer ConnectionRoutes::check_connection(const Request& request) {
    const auto name = name_of(request);
    auto work = [name](store::Registry& registry) { return registry.load(name); };
    const auto loaded = co_await with_registry(parts_, std::move(work));
    const auto document = parts_.vault.open(loaded.sealed_user_key, {name.user_id, name.platform, name.account_id},
                                            loaded.sealed_credential);
    auto job = collect::make_job(*parts_.dispatcher.rules(), loaded.tier, name.platform, name.account_id,
                                 loaded.attributes, collect::Credential::read(document));
    const auto checked = co_await collect::check(parts_.http, parts_.budgets, std::move(job));
    json data{{"ok", checked.failures.empty()},
              {"outcome", platform::to_text(checked.worst())},
              {"message", ""},
              {"request", ""}};
    if (!checked.failures.empty()) {
        data["message"] = checked.failures.front().message;
        data["request"] = checked.failures.front().request;
    }
    co_return Response::data(data);
}

}  // namespace tally::api
