// SPDX-License-Identifier: Apache-2.0
#include "daemon/api/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/or_null.hpp"
#include "daemon/api/coverage_routes.hpp"
#include "daemon/platform/request.hpp"
#include "daemon/store/coverage_rows.hpp"
#include "daemon/store/views.hpp"

namespace tally::api {

namespace {

using nlohmann::json;

json number_json(const postgres::Row& row) {
    const auto metadata = json::parse(row.view("metadata"));
    const auto said = [&](const char* member) { return metadata.value(member, json(nullptr)); };
    return {{"value", row.number("value")},
            {"unit", or_null(row.optional_text("unit"))},
            {"currency", said("currency")},
            {"final", row.boolean("final")},
            {"fetched_at", render_instant(row.instant("fetched_at"))},
            {"first_seen_at", render_instant(row.instant("first_seen_at"))},
            {"revision", row.integer("revision")},
            {"run_id", row.integer("run_id")},
            {"api", said("api")},
            {"api_version", said("api_version")},
            {"metadata", metadata}};
}

json earlier_json(const postgres::Result& rows) {
    json list = json::array();
    for (const auto& row : rows)
        list.push_back({{"revision", row.integer("revision")},
                        {"value", row.number("value")},
                        {"fetched_at", render_instant(row.instant("fetched_at"))},
                        {"replaced_at", render_instant(row.instant("replaced_at"))},
                        {"run_id", row.integer("run_id")},
                        {"node", or_null(row.optional_text("node"))}});
    return list;
}

/// The request that stored the number, else the first that asks for the metric; null when the file has none any more.
const platform::Request* request_of(const platform::Platform& platform, const json& number, std::string_view metric) {
    if (number.is_object() && number["api"].is_string())
        if (const auto* request = platform.find_request(number["api"].get<std::string>())) return request;
    for (const auto& request : platform.requests)
        if (std::find(request.metrics.begin(), request.metrics.end(), metric) != request.metrics.end()) return &request;
    return nullptr;
}

json request_json(const collect::Rules& rules, const platform::Platform& platform, const platform::Request& request,
                  const NumberName& name, const std::map<std::string, std::string>& attributes, const json& number) {
    platform::Target target{.account = name.account_id,
                            .attributes = attributes,
                            .access_token = Secret{},
                            .derived_tokens = {},
                            .app = {},
                            .base_url = {}};
    if (const auto settings = rules.config.platforms.find(platform.name); settings != rules.config.platforms.end())
        target.base_url = settings->second.base_url;
    json entry{
        {"name", request.name}, {"file", platform.file}, {"method", nullptr}, {"url", nullptr}, {"window", nullptr}};
    // An account's own zone is an attribute that the connection takes along when it goes; the number still names it.
    if (!platform.day.zone && number.is_object() && number["metadata"].contains("zone"))
        target.attributes.try_emplace(platform.day.zone_attribute, number["metadata"]["zone"].get<std::string>());
    try {
        const auto zone = platform::day_zone(platform, target);
        platform::Task task{.request = &request, .days = {}, .metrics = request.metrics};
        if (request.window != platform::Request::Window::now) {
            task.days = DayRange{name.day, name.day};
            entry["window"] = {{"from", render_instant(zone.start_of(name.day))},
                               {"to", render_instant(zone.end_of(name.day))},
                               {"zone", zone.name()}};
        }
        const auto rendered = platform::render(platform, target, task);
        entry["method"] = rendered.method;
        entry["url"] = rendered.url;
    } catch (const Error&) {  // the account's zone is not known: name and file are what there is to tell
    }
    return entry;
}

/// What coverage says of the metric on that day: {"state", "asked_at"}.
json known_json(const json& connection, const std::string& request, std::string_view metric) {
    for (const auto& entry : connection["requests"]) {
        const auto& metrics = entry["metrics"];
        if (entry["request"] != request || std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) continue;
        const auto& day = entry["days"].at(0);  // one was asked about
        return {{"state", day["state"]}, {"asked_at", day["asked_at"]}};
    }
    return {{"state", nullptr}, {"asked_at", nullptr}};
}

}  // namespace

json explain(const collect::Rules& rules, postgres::Session& session, const NumberName& name, Instant now) {
    const auto metric = name.metric.substr(0, name.metric.find('.'));
    json number, earlier;
    std::vector<store::CoveredConnection> connections;
    {
        auto transaction = session.begin_read_only();
        const std::vector<postgres::Param> key{name.user_id, name.platform, name.account_id,
                                               name.source,  name.metric,   name.day};
        const auto found = transaction.exec("explained_number", key);
        if (!found.empty()) number = number_json(found[0]);
        earlier = earlier_json(transaction.exec("earlier_values", key));
        connections = store::covered_connections(
            transaction,
            {.user_id = name.user_id, .platform = name.platform, .account_id = name.account_id, .after = {}});
    }
    const auto platform = rules.catalog.find(name.platform);
    if (number.is_null() && connections.empty())
        throw Error(Fault::missing,
                    fmt::format("there is neither a number nor a connection '{} {} {}'", name.user_id, name.platform,
                                name.account_id),
                    fmt::format("'tallyctl connection list --user {}' shows what there is.", name.user_id));
    const auto* request = platform ? request_of(*platform, number, metric) : nullptr;
    if (number.is_null() && request == nullptr)
        throw Error(Fault::missing, fmt::format("'{}' has no metric '{}'", name.platform, metric),
                    fmt::format("'tallyctl platform show {}' lists them.", name.platform));
    json answer{{"user_id", name.user_id},
                {"platform", name.platform},
                {"account_id", name.account_id},
                {"source", name.source},
                {"metric", name.metric},
                {"date", render_day(name.day)},
                {"number", number},
                {"state", nullptr},
                {"asked_at", nullptr},
                {"request", nullptr},
                {"run", nullptr},
                {"earlier", std::move(earlier)}};
    if (request != nullptr) {
        const auto attributes =
            connections.empty() ? std::map<std::string, std::string>{} : connections.front().attributes;
        answer["request"] = request_json(rules, *platform, *request, name, attributes, number);
    }
    if (!connections.empty() && request != nullptr) {
        const auto covered = coverage_json(rules.catalog, session,
                                           {.user = name.user_id,
                                            .platform = name.platform,
                                            .account = name.account_id,
                                            .after = {},
                                            .days = {name.day, name.day}},
                                           now);
        for (const auto& connection : covered["connections"])
            answer.update(known_json(connection, request->name, metric));
    }
    if (number.is_object())
        if (auto run = store::Views{session}.job(number["run_id"].get<std::int64_t>())) answer["run"] = std::move(*run);
    return answer;
}

}  // namespace tally::api
