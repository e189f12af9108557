// SPDX-License-Identifier: Apache-2.0
// Finds the zone of an account's days.
#include "daemon/platform/target.hpp"

#include <fmt/format.h>

#include "common/error.hpp"

namespace tally::platform {

std::optional<TimeZone> find_day_zone(const Platform& platform, const std::map<std::string, std::string>& attributes) {
    if (platform.day.zone) return platform.day.zone;
    const auto attribute = attributes.find(platform.day.zone_attribute);
    return attribute == attributes.end() ? std::nullopt : TimeZone::find(attribute->second);
}

TimeZone day_zone(const Platform& platform, const Target& target) {
    if (const auto zone = find_day_zone(platform, target.attributes)) return *zone;
    const auto attribute = target.attributes.find(platform.day.zone_attribute);
    if (attribute == target.attributes.end())
        throw Error(Fault::failed,
                    fmt::format("the time zone of account '{}' is not known: attribute '{}' is missing", target.account,
                                platform.day.zone_attribute),
                    "It is learned by a look-up; it can also be given with the connection's attributes.");
    throw Error(Fault::failed,
                fmt::format("account '{}' has an unknown time zone: '{}'", target.account, attribute->second),
                "Update the system's time zone data (package tzdata).");
}

}  // namespace tally::platform
