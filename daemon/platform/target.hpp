// SPDX-License-Identifier: Apache-2.0
// The account that is asked about, and with what right.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/secret.hpp"
#include "common/time_zone.hpp"
#include "daemon/platform/platform.hpp"

namespace tally::platform {

/// What a platform knows the host application's programs by.
struct App {
    std::string client_id;  ///< empty: none is configured
    Secret client_secret;   ///< empty: a public client, or none is configured
};

struct Target {
    std::string account;                            ///< the platform's id
    std::map<std::string, std::string> attributes;  ///< given with the connection or learned from look-ups
    Secret access_token;
    std::map<std::string, Secret> derived_tokens;  ///< from look-ups
    App app = {};
    std::optional<std::string> base_url;  ///< replaces scheme, host and port of every URL: "https://host[:port]"
};

/// The zone of the account's days; nullopt while the attribute that names it is missing.
std::optional<TimeZone> find_day_zone(const Platform& platform, const std::map<std::string, std::string>& attributes);
/// The same. @throws Error (failed) when it is an attribute that is missing or names no zone.
TimeZone day_zone(const Platform& platform, const Target& target);

}  // namespace tally::platform
