// SPDX-License-Identifier: Apache-2.0
// Reads the bodies of control commands.
#pragma once

#include "http.hpp"
#include "world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sim {

/// A command that makes no sense; becomes a 400.
struct BadCommand : std::runtime_error {
    using runtime_error::runtime_error;
};

inline Json read_body(const Request& request) {
    auto body = Json::parse(request.body, nullptr, false);
    if (!body.is_object()) throw BadCommand{"the body is not a JSON object"};
    return body;
}

inline void allow_only(const Json& body, std::initializer_list<std::string_view> names) {
    for (const auto& [key, value] : body.items())
        if (std::find(names.begin(), names.end(), key) == names.end())
            throw BadCommand{fmt::format("unknown member '{}'", key)};
}

inline std::string text(const Json& body, const char* name) {
    if (!body.contains(name) || !body[name].is_string()) throw BadCommand{fmt::format("'{}' must be a text", name)};
    return body[name].get<std::string>();
}

inline double number(const Json& body, const char* name, double lowest, double highest) {
    if (!body[name].is_number()) throw BadCommand{fmt::format("'{}' must be a number", name)};
    const auto value = body[name].get<double>();
    if (value < lowest || value > highest)
        throw BadCommand{fmt::format("'{}' must be from {} to {}", name, lowest, highest)};
    return value;
}

inline Platform platform_of(std::string_view name) {
    const auto platform = parse_platform(name);
    if (!platform) throw BadCommand{fmt::format("unknown platform '{}'", name)};
    return *platform;
}

inline Reply done() {
    return json_reply(200, Json{{"ok", true}});
}

}  // namespace sim
