// SPDX-License-Identifier: Apache-2.0
// What the platform tests share: the shipped files, days and targets.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "common/time.hpp"
#include "daemon/platform/catalog.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/platform/target.hpp"

namespace tally::platform::test {

inline const Platform& shipped(std::string_view name) {
    static const Catalog catalog = Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
    return *catalog.find(name);
}

inline Day day(std::string_view text) {
    return parse_day(text).value();
}
inline Instant at(std::string_view text) {
    return parse_instant(text).value();
}
inline DayRange from_to(std::string_view first, std::string_view last) {
    return {day(first), day(last)};
}

inline Target target(std::string account = "42", std::map<std::string, std::string> attributes = {}) {
    return {.account = std::move(account),
            .attributes = std::move(attributes),
            .access_token = Secret{"own-token"},
            .derived_tokens = {},
            .base_url = {}};
}

/// A task of a shipped request with all of its metrics.
inline Task task(std::string_view platform, std::string_view request, std::optional<DayRange> range = {}) {
    const auto* found = shipped(platform).find_request(request);
    return {.request = found, .days = range, .metrics = found->metrics};
}

/// The parameters of a URL, percent-decoded.
inline std::map<std::string, std::string> query_of(const std::string& url) {
    std::map<std::string, std::string> result;
    std::string name, value;
    bool in_value = false;
    const auto flush = [&] {
        if (!name.empty()) result[name] = value;
        name.clear(), value.clear(), in_value = false;
    };
    for (auto i = std::min(url.find('?'), url.size() - 1) + 1; i < url.size(); ++i) {
        char c = url[i];
        if (c == '&') {
            flush();
            continue;
        }
        if (c == '=' && !in_value) {
            in_value = true;
            continue;
        }
        if (c == '%') {
            c = static_cast<char>(std::stoi(url.substr(i + 1, 2), nullptr, 16));
            i += 2;
        }
        (in_value ? value : name) += c;
    }
    flush();
    return result;
}

}  // namespace tally::platform::test
