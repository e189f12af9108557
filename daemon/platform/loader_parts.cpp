// SPDX-License-Identifier: Apache-2.0
// Reads paths, names, URLs and endpoints of platform files.
#include "daemon/platform/loader_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/ascii.hpp"
#include "common/url.hpp"

namespace tally::platform::loader {

namespace {

bool is_name_char(char c) {
    return ascii::is_alnum(c) || c == '_';
}

void check_placeholders(std::string_view text, const YamlNode& node, bool has_version) {
    for (std::size_t at = 0; (at = text.find_first_of("{}", at)) != std::string_view::npos;) {
        const auto close = text.find('}', at);
        const auto word = close == std::string_view::npos ? text.substr(at) : text.substr(at, close - at + 1);
        if (word != "{account}" && word != "{version}")
            node.fail(fmt::format("'{}' is not known here", word), "Known are {account} and {version}.");
        if (word == "{version}" && !has_version)
            node.fail("there is no version to fill in", "Give the API a 'version'.");
        at = close + 1;
    }
}

QueryValue read_query_value(const YamlNode& node, bool has_version) {
    QueryValue value;
    if (node.is_scalar()) {
        value.text = node.text_or_empty();
        check_placeholders(value.text, node, has_version);
        return value;
    }
    node.allow({"metrics", "start", "end", "last"});
    const auto entries = node.entries();
    if (entries.size() != 1) node.fail("must be one of metrics, start, end and last");
    const auto& [kind, format] = entries.front();
    if (kind == "metrics") {
        format.choice({"comma"});
        value.kind = QueryValue::Kind::metrics;
        return value;
    }
    value.kind = kind == "start" ? QueryValue::Kind::start
                 : kind == "end" ? QueryValue::Kind::end
                                 : QueryValue::Kind::last;
    value.format = static_cast<QueryValue::Format>(format.choice({"unix", "date", "local", "utc"}));
    if (value.kind == QueryValue::Kind::last && value.format != QueryValue::Format::date)
        format.fail("the last day is a date, not a time",
                    "Write { last: date }, or { end: … } for the moment after it.");
    return value;
}

}  // namespace

JsonPath read_path(const YamlNode& node) {
    const auto text = node.text_or_empty();
    auto path = JsonPath::parse(text);
    if (!path)
        node.fail(fmt::format("not a JSON pointer: '{}'", text), "Write /member/0/member, with * for every element.");
    return *std::move(path);
}

std::vector<JsonPath> read_paths(const YamlNode& node) {
    if (node.is_scalar()) return {read_path(node)};
    std::vector<JsonPath> paths;
    for (const auto& item : node.items()) paths.push_back(read_path(item));
    if (paths.empty()) node.fail("names no place", "Write a JSON pointer, or a list of such.");
    return paths;
}

std::chrono::days read_days(const YamlNode& node) {
    const auto duration = node.duration();
    const auto days = std::chrono::duration_cast<std::chrono::days>(duration);
    if (days != duration || days.count() < 1 || days.count() > 3650)
        node.fail("must be whole days, 1 to 3650", "Write 30d.");
    return days;
}

std::string read_base_url(const YamlNode& node) {
    const auto text = node.text();
    const auto url = parse_url(text);
    if (!url || !url->target.empty())
        node.fail(fmt::format("not a base URL: '{}'", text),
                  "Write https://HOST or https://HOST:PORT, without a path.");
    if (!url->is_confidential())
        node.fail("http is allowed to loopback only", "Tokens would travel in clear text; write https.");
    return text;
}

void check_name(const std::string& name, const YamlNode& node) {
    if (name.empty() || name.size() > 100 || !std::all_of(name.begin(), name.end(), is_name_char))
        node.fail(fmt::format("not a name: '{}'", name), "Use letters, digits and '_', at most 100.");
}

std::string read_name(const YamlNode& node) {
    auto name = node.text();
    check_name(name, node);
    return name;
}

void check_header_name(const std::string& name, const YamlNode& node) {
    if (name.empty() || !std::all_of(name.begin(), name.end(), [](char c) { return ascii::is_alnum(c) || c == '-'; }))
        node.fail(fmt::format("not the name of a header: '{}'", name));
}

std::string read_header_name(const YamlNode& node) {
    auto text = node.text();
    check_header_name(text, node);
    return text;
}

std::string read_version(const YamlNode& node) {
    auto text = node.text();
    if (!std::all_of(text.begin(), text.end(), [](char c) { return is_name_char(c) || c == '.' || c == '-'; }))
        node.fail(fmt::format("not a version: '{}'", text), "Write it as it stands in the path, such as v25.0.");
    return text;
}

Endpoint read_endpoint(const YamlNode& node, const Api& api) {
    Endpoint endpoint;
    endpoint.base_url = read_or(node, "base_url", api.base_url, read_base_url);
    endpoint.version = read_or(node, "version", api.version, read_version);
    endpoint.token = read_or(node, "token", {}, read_name);
    const bool has_version = !endpoint.version.empty();
    const auto path = node.at("path");
    endpoint.path = path.text();
    if (endpoint.path.front() != '/' || endpoint.path.find_first_of("?# \\") != std::string::npos)
        path.fail(fmt::format("not a path: '{}'", endpoint.path), "Begin with '/'; parameters go to 'query'.");
    check_placeholders(endpoint.path, path, has_version);
    if (const auto query = node.find("query")) {
        for (const auto& [name, value] : query->entries())
            endpoint.query.emplace_back(name, read_query_value(value, has_version));
    }
    return endpoint;
}

void check_token(const YamlNode& node, const Endpoint& endpoint, const Platform& platform) {
    const auto& token = endpoint.token;
    const bool known =
        token.empty() || std::any_of(platform.lookups.begin(), platform.lookups.end(),
                                     [&](const Lookup& lookup) { return lookup.tokens.contains(token); });
    if (!known)
        node.at("token").fail(fmt::format("no look-up before this tells token '{}'", token),
                              "Name it under 'tokens' of a look-up.");
}

Lookup read_lookup(const std::string& name, const YamlNode& node, const Platform& platform) {
    node.allow({"base_url", "version", "path", "query", "token", "optional", "attributes", "tokens"});
    check_name(name, node);
    Lookup lookup{.name = name, .endpoint = read_endpoint(node, platform.api), .attributes = {}, .tokens = {}};
    for (const auto& [parameter, value] : lookup.endpoint.query) {
        if (value.kind != QueryValue::Kind::text)
            node.at("query").at(parameter).fail("a look-up has neither days nor metrics");
    }
    check_token(node, lookup.endpoint, platform);
    lookup.optional = read_or(node, "optional", false, [](const YamlNode& value) { return value.boolean(); });
    const auto read_map = [&](std::string_view key, std::map<std::string, JsonPath>& into) {
        const auto map = node.find(key);
        if (!map) return;
        for (const auto& [entry, path] : map->entries()) {
            check_name(entry, path);
            into.emplace(entry, read_path(path));
        }
    };
    read_map("attributes", lookup.attributes);
    read_map("tokens", lookup.tokens);
    if (lookup.attributes.empty() && lookup.tokens.empty())
        node.fail("the look-up looks for nothing", "Name what it tells under 'attributes' or 'tokens'.");
    return lookup;
}

}  // namespace tally::platform::loader
