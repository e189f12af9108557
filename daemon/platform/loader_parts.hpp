// SPDX-License-Identifier: Apache-2.0
// Pieces that several parts of the platform-file loader read. All throw Error (config) with file, line and hint.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/yaml.hpp"
#include "daemon/platform/platform.hpp"

namespace tally::platform::loader {

JsonPath read_path(const YamlNode& node);                ///< "/a/0/b", with * for every element
std::vector<JsonPath> read_paths(const YamlNode& node);  ///< one or a list
std::chrono::days read_days(const YamlNode& node);       ///< "30d": whole days, 1 to 3650
std::string read_base_url(const YamlNode& node);         ///< scheme, host and port; http only to loopback
std::string read_name(const YamlNode& node);             ///< what may stand in a metric's name: letters, digits, _
void check_name(const std::string& name, const YamlNode& node);
std::string read_header_name(const YamlNode& node);
void check_header_name(const std::string& name, const YamlNode& node);
std::string read_version(const YamlNode& node);

/// `path`, `query`, `base_url`, `version`, `token`; other keys of the node belong to the caller.
Endpoint read_endpoint(const YamlNode& node, const Api& api);

/// A section that may be absent.
template <class Read>
auto read_or(const YamlNode& node, std::string_view key,
             decltype(std::declval<Read>()(std::declval<YamlNode>())) otherwise, Read read) {
    const auto found = node.find(key);
    return found ? read(*found) : std::move(otherwise);
}

/// A derived token is told by a look-up that was read before, or the connection's own would go in its place.
void check_token(const YamlNode& node, const Endpoint& endpoint, const Platform& platform);
/// Checks it against the look-ups before it.
Lookup read_lookup(const std::string& name, const YamlNode& node, const Platform& platform);
/// Checks it against what was read before: day rule, look-ups and metrics.
Request read_request(const std::string& name, const YamlNode& node, const Platform& platform);
Errors read_errors(const YamlNode& node);
/// Needs the API. What it says of requests is checked by check_logins, when they are known.
Auth read_auth(const YamlNode& node, const Api& api);
void check_logins(const YamlNode& node, const Platform& platform);
BudgetScope read_scope(const YamlNode& node);
/// Checks it against the requests, the look-ups and the limits read before.
RateLimit read_limit(const YamlNode& node, const Platform& platform);
UsageHeader read_usage(const YamlNode& node);

}  // namespace tally::platform::loader
