// SPDX-License-Identifier: Apache-2.0
// Checks of what comes in.
#include "daemon/api/input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/time_zone.hpp"
#include "common/url.hpp"
#include "common/yaml.hpp"
#include "daemon/collect/credential.hpp"

namespace tally::api {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxIdBytes = 200;
constexpr int kMaxPage = 1'000;

std::optional<Day> day_member(const json& object, const char* name) {
    const auto text = text_member(object, name);
    if (!text) return std::nullopt;
    const auto day = parse_day(*text);
    if (!day) throw Error(Fault::usage, fmt::format("'{}' is no date: '{}'", name, *text), "Write YYYY-MM-DD.");
    return day;
}

std::string token_text(const json& object) {
    const auto token = object.find("token");
    if (token == object.end()) throw Error(Fault::usage, "'token' is missing");
    if (token->is_string()) return token->get<std::string>();
    if (token->is_object()) return token->dump();
    throw Error(Fault::usage, "'token' is neither a text nor a JSON object");
}

}  // namespace

std::optional<std::string> text_member(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || found->is_null()) return std::nullopt;
    if (!found->is_string()) throw Error(Fault::usage, fmt::format("'{}' is no text", name));
    auto text = found->get<std::string>();
    if (!postgres::is_storable(text)) throw Error(Fault::usage, fmt::format("'{}' holds a NUL", name));
    return text;
}

bool flag_member(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || found->is_null()) return false;
    if (!found->is_boolean()) throw Error(Fault::usage, fmt::format("'{}' is neither true nor false", name));
    return found->get<bool>();
}

void allow_members(const json& object, std::initializer_list<std::string_view> known) {
    for (const auto& [name, value] : object.items()) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        const auto near = nearest(name, {known.begin(), known.end()});
        throw Error(Fault::usage, fmt::format("unknown member '{}'", name),
                    near ? fmt::format("Did you mean '{}'?", *near) : "");
    }
}

std::optional<DayRange> days_of(const json& object) {
    auto from = day_member(object, "from"), to = day_member(object, "to");
    if (!from && !to) return std::nullopt;
    if (!to) to = TimeZone::utc().day_of(now()) + std::chrono::days{1};  // today, wherever the account is
    if (!from) from = to;
    if (*from > *to)
        throw Error(Fault::usage, fmt::format("'from' {} is after 'to' {}", render_day(*from), render_day(*to)));
    return DayRange{*from, *to};
}

void check_id(std::string_view what, std::string_view id) {
    const bool printable =
        std::none_of(id.begin(), id.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (id.empty() || id.size() > kMaxIdBytes || !printable || !postgres::is_storable(id))
        throw Error(Fault::usage, fmt::format("the {} is no valid id", what),
                    fmt::format("1 to {} bytes of printable UTF-8.", kMaxIdBytes));
}

void check_zone(const std::string& zone) {
    if (!TimeZone::find(zone))
        throw Error(Fault::usage, fmt::format("unknown time zone '{}'", zone),
                    "Write an IANA name, such as Europe/Berlin.");
}

store::Registry::UserChange read_user_change(const json& object) {
    store::Registry::UserChange change{.tier = text_member(object, "tier"),
                                       .zone = text_member(object, "zone"),
                                       .report_to = text_member(object, "report_to")};
    if (change.zone) check_zone(*change.zone);
    if (change.report_to && !change.report_to->empty() && !is_mail_address(*change.report_to))
        throw Error(Fault::usage, fmt::format("'report_to' is no address: '{}'", *change.report_to),
                    "Write one plain address, such as someone@example.com.");
    return change;
}

std::map<std::string, std::string> attributes_of(const json& object) {
    std::map<std::string, std::string> attributes;
    const auto found = object.find("attributes");
    if (found == object.end() || found->is_null()) return attributes;
    if (!found->is_object()) throw Error(Fault::usage, "'attributes' is no JSON object");
    for (const auto& [name, value] : found->items()) {
        if (!value.is_string()) throw Error(Fault::usage, fmt::format("attribute '{}' is no text", name));
        attributes[name] = value.get<std::string>();
        if (!postgres::is_storable(name) || !postgres::is_storable(attributes[name]))
            throw Error(Fault::usage, "an attribute holds a NUL");
    }
    return attributes;
}

store::NewConnection read_connection(const store::ConnectionName& name, const json& object) {
    check_id("user", name.user_id);
    check_id("account", name.account_id);
    store::NewConnection connection{.name = name, .attributes = {}, .credential = {}, .expires_at = std::nullopt};
    connection.attributes = attributes_of(object);
    const auto credential = collect::Credential::parse(token_text(object), connection.attributes);
    connection.credential = credential.render();
    connection.expires_at = credential.expires_at;
    if (const auto source = text_member(object, "source")) connection.source = *source;
    return connection;
}

store::Registry::ImportedUser read_imported_user(const std::string& line) {
    const auto object = json::parse(line, nullptr, false);
    if (!object.is_object()) throw Error(Fault::usage, "no JSON object");
    allow_members(object, {"id", "tier", "zone", "report_to", "connections"});
    store::Registry::ImportedUser user;
    user.user_id = text_member(object, "id").value_or("");
    check_id("user", user.user_id);
    user.change = read_user_change(object);
    if (!user.change.tier) throw Error(Fault::usage, "'tier' is missing");
    if (const auto list = object.find("connections"); list != object.end()) {
        if (!list->is_array()) throw Error(Fault::usage, "'connections' is no list");
        for (const auto& entry : *list) {
            if (!entry.is_object()) throw Error(Fault::usage, "a connection is no JSON object");
            allow_members(entry, {"platform", "account", "token", "attributes"});
            auto connection = read_connection({.user_id = user.user_id,
                                               .platform = text_member(entry, "platform").value_or(""),
                                               .account_id = text_member(entry, "account").value_or("")},
                                              entry);
            connection.source = "import";
            user.connections.push_back(std::move(connection));
        }
    }
    return user;
}

store::ListFilter filter_of(const Request& request) {
    store::ListFilter filter{.user_id = request.query_value("user"),
                             .platform = request.query_value("platform"),
                             .account_id = request.query_value("account"),
                             .state = request.query_value("state"),
                             .tier = request.query_value("tier"),
                             .after = request.query_value("after"),
                             .limit = 100};
    if (const auto text = request.query_value("limit")) {
        const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), filter.limit);
        if (error != std::errc{} || end != text->data() + text->size() || filter.limit < 1 || filter.limit > kMaxPage)
            throw Error(Fault::usage, fmt::format("'limit' is no number from 1 to {}", kMaxPage));
    }
    return filter;
}

store::ListFilter job_filter_of(const Request& request) {
    auto filter = filter_of(request);
    if (filter.after) read_number(*filter.after);
    return filter;
}

std::optional<Day> day_parameter(const Request& request, const char* name) {
    const auto text = request.query_value(name);
    if (!text) return std::nullopt;
    const auto day = parse_day(*text);
    if (!day) throw Error(Fault::usage, fmt::format("'{}' is no date: '{}'", name, *text), "Write 2026-11-21.");
    return day;
}

std::int64_t read_number(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        throw Error(Fault::usage, fmt::format("'{}' is no number", text));
    return number;
}

std::int64_t id_of(const Request& request) {
    return read_number(request.params.at("id"));
}

}  // namespace tally::api
