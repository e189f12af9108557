// SPDX-License-Identifier: Apache-2.0
// Reads the limits of a platform file and the headers that tell how much of them is used.
#include <fmt/format.h>

#include <algorithm>

#include "common/ascii.hpp"
#include "daemon/platform/loader_parts.hpp"

namespace tally::platform::loader {

BudgetScope read_scope(const YamlNode& node) {
    constexpr BudgetScope kScopes[] = {BudgetScope::app, BudgetScope::token, BudgetScope::account};
    return kScopes[node.choice({"app", "token", "account"})];
}

RateLimit read_limit(const YamlNode& node, const Platform& platform) {
    node.allow({"name", "scope", "requests", "per", "resets", "only_for"});
    RateLimit limit;
    limit.scope = read_scope(node.at("scope"));
    limit.requests = static_cast<unsigned>(node.at("requests").integer(1, 1'000'000'000));
    limit.per = node.at("per").duration();
    if (limit.per.count() < 1 || limit.per > std::chrono::days{30}) node.at("per").fail("must be 1ms to 30d");
    if (const auto resets = node.find("resets")) {
        limit.resets = TimeZone::find(resets->text());
        if (!limit.resets)
            resets->fail(fmt::format("unknown time zone: '{}'", resets->text()),
                         "Write an IANA name such as America/Los_Angeles, or UTC.");
        if (limit.per != std::chrono::days{1})
            resets->fail("only a window of a day resets at midnight", "Write 'per: 1d'.");
    }
    if (const auto only = node.find("only_for")) {
        for (const auto& item : only->items()) {
            const auto name = item.text();
            const bool lookup = std::any_of(platform.lookups.begin(), platform.lookups.end(),
                                            [&](const Lookup& known) { return known.name == name; });
            if (!lookup && platform.find_request(name) == nullptr)
                item.fail(fmt::format("there is no request '{}'", name), "Write names of 'requests' or 'lookups'.");
            limit.only_for.push_back(name);
        }
    }
    const auto named = node.find("name");
    limit.name = named ? read_name(*named) : node.at("scope").text();
    const bool twice = std::any_of(platform.limits.begin(), platform.limits.end(),
                                   [&](const RateLimit& known) { return known.name == limit.name; });
    if (twice) node.fail(fmt::format("there are two limits '{}'", limit.name), "Give each a 'name' of its own.");
    return limit;
}

UsageHeader read_usage(const YamlNode& node) {
    node.allow({"header", "scope", "percent", "wait_minutes", "limit_header", "reset_header", "slow_at", "stop_at"});
    UsageHeader usage;
    usage.header = ascii::lower(read_header_name(node.at("header")));
    usage.scope = read_scope(node.at("scope"));
    const auto limit = node.find("limit_header"), reset = node.find("reset_header");
    if (limit.has_value() != reset.has_value())
        node.fail("'limit_header' and 'reset_header' belong together", "Name both, or neither.");
    if (limit) {
        usage.kind = UsageHeader::Kind::remaining;
        usage.limit_header = ascii::lower(read_header_name(*limit));
        usage.reset_header = ascii::lower(read_header_name(*reset));
        for (const auto* key : {"percent", "wait_minutes"}) {
            if (const auto found = node.find(key)) found->fail("a header that is a number has no places");
        }
    } else {
        usage.percent = read_or(node, "percent", {}, read_paths);
        if (const auto minutes = node.find("wait_minutes")) usage.minutes = read_path(*minutes);
        if (usage.percent.empty() && !usage.minutes)
            node.fail("does not say where the usage is", "Add 'percent' or 'wait_minutes' with JSON pointers.");
    }
    if (const auto stop = node.find("stop_at"); stop && limit)
        stop->fail("requests that are left are used up to the last", "Leave it out.");
    const auto percent = [&](std::string_view key, unsigned otherwise) {
        return read_or(node, key, otherwise,
                       [](const YamlNode& value) { return static_cast<unsigned>(value.integer(1, 100)); });
    };
    usage.slow_at = percent("slow_at", usage.slow_at);
    usage.stop_at = percent("stop_at", usage.stop_at);
    if (!limit && usage.slow_at > usage.stop_at) node.fail("'slow_at' is above 'stop_at'");
    return usage;
}

}  // namespace tally::platform::loader
