// SPDX-License-Identifier: Apache-2.0
// Reads a platform file from top to bottom.
#include "daemon/platform/platform.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/ascii.hpp"
#include "daemon/platform/loader_parts.hpp"

namespace tally::platform {

namespace {

using namespace loader;

Api read_api(const YamlNode& node) {
    node.allow({"base_url", "version", "version_header", "version_until"});
    Api api{.base_url = read_base_url(node.at("base_url")),
            .version = read_or(node, "version", {}, read_version),
            .version_header = {},
            .version_until = {}};
    if (const auto until = node.find("version_until")) {
        api.version_until = until->day();
        if (api.version.empty()) until->fail("there is no version that could end", "Give the API a 'version'.");
    }
    if (const auto header = node.find("version_header")) {
        api.version_header = ascii::lower(read_header_name(*header));
        if (api.version.empty()) header->fail("there is no version to compare with", "Give the API a 'version'.");
    }
    return api;
}

DayRule read_day(const YamlNode& node) {
    node.allow({"zone", "zone_attribute", "final_after", "history", "stamp_is"});
    DayRule day;
    const auto zone = node.find("zone"), attribute = node.find("zone_attribute");
    if (zone.has_value() == attribute.has_value()) node.fail("must have either 'zone' or 'zone_attribute'");
    if (zone) {
        day.zone = TimeZone::find(zone->text());
        if (!day.zone)
            zone->fail(fmt::format("unknown time zone: '{}'", zone->text()),
                       "Write an IANA name such as America/Los_Angeles, or UTC.");
    } else {
        day.zone_attribute = read_name(*attribute);
    }
    const auto final_after = node.at("final_after");
    day.final_after = final_after.duration();
    if (day.final_after > std::chrono::days{60}) final_after.fail("longer than 60 days");
    day.history = read_days(node.at("history"));
    if (const auto stamp = node.find("stamp_is"))
        day.stamp_is = stamp->choice({"end", "day"}) == 0 ? DayRule::StampIs::end : DayRule::StampIs::day;
    return day;
}

Metric read_metric(const std::string& name, const YamlNode& node) {
    node.allow({"unit", "currency", "additive", "optional", "replaces", "replaced_by", "since", "until"});
    check_name(name, node);
    Metric metric{.name = name,
                  .unit = node.at("unit").text(),
                  .currency = {},
                  .replaces = read_or(node, "replaces", {}, read_name),
                  .replaced_by = read_or(node, "replaced_by", {}, read_name),
                  .since = {},
                  .until = {}};
    node.at("unit").choice(
        {"count", "currency", "micro_currency", "seconds", "milliseconds", "minutes", "percent", "ratio"});
    if (const auto currency = node.find("currency")) {
        metric.currency = currency->text();
        if (metric.unit.find("currency") == std::string::npos) currency->fail("only money has a currency");
        if (metric.currency.size() != 3 ||
            !std::all_of(metric.currency.begin(), metric.currency.end(), ascii::is_upper))
            currency->fail(fmt::format("not a currency: '{}'", metric.currency),
                           "Write its ISO 4217 code, such as USD.");
    }
    const auto boolean = [](const YamlNode& value) { return value.boolean(); };
    metric.additive = read_or(node, "additive", false, boolean);
    metric.optional = read_or(node, "optional", false, boolean);
    if (metric.additive && (metric.unit == "percent" || metric.unit == "ratio"))
        node.at("additive").fail(fmt::format("a {} cannot be added up", metric.unit));
    if (const auto since = node.find("since")) metric.since = since->day();
    if (const auto until = node.find("until")) {
        metric.until = until->day();
        if (metric.since && *metric.until <= *metric.since) until->fail("not after 'since'");
    }
    return metric;
}

void check_zone_attribute(const YamlNode& root, const Platform& platform) {
    const auto& name = platform.day.zone_attribute;
    const bool known =
        name.empty() || std::any_of(platform.lookups.begin(), platform.lookups.end(),
                                    [&](const Lookup& lookup) { return lookup.attributes.contains(name); });
    if (!known)
        root.at("day")
            .at("zone_attribute")
            .fail(fmt::format("no look-up tells attribute '{}'", name), "Name it under 'attributes' of a look-up.");
}

}  // namespace

std::string_view to_text(BudgetScope scope) noexcept {
    switch (scope) {
        case BudgetScope::app:
            return "app";
        case BudgetScope::token:
            return "token";
        case BudgetScope::account:
            break;
    }
    return "account";
}

std::optional<BudgetScope> parse_scope(std::string_view text) noexcept {
    for (const auto scope : {BudgetScope::app, BudgetScope::token, BudgetScope::account}) {
        if (to_text(scope) == text) return scope;
    }
    return std::nullopt;
}

bool RateLimit::applies_to(std::string_view request) const noexcept {
    return only_for.empty() || std::find(only_for.begin(), only_for.end(), request) != only_for.end();
}

const Login* Auth::login_of(const std::map<std::string, std::string>& attributes) const noexcept {
    for (const auto* attribute : {"login", "app"}) {
        const auto named = attributes.find(attribute);
        if (named == attributes.end()) continue;
        const auto found =
            std::find_if(logins.begin(), logins.end(), [&](const Login& login) { return login.name == named->second; });
        if (found != logins.end()) return &*found;
    }
    return logins.empty() ? nullptr : &logins.front();
}

const Metric* Platform::find_metric(std::string_view metric) const noexcept {
    const auto found =
        std::find_if(metrics.begin(), metrics.end(), [&](const Metric& candidate) { return candidate.name == metric; });
    return found == metrics.end() ? nullptr : &*found;
}

const Request* Platform::find_request(std::string_view request) const noexcept {
    const auto found = std::find_if(requests.begin(), requests.end(),
                                    [&](const Request& candidate) { return candidate.name == request; });
    return found == requests.end() ? nullptr : &*found;
}

Platform load_platform(const YamlNode& root) {
    root.allow({"platform", "title", "source", "api", "auth", "day", "lookups", "metrics", "requests", "limits",
                "usage", "errors"});
    Platform platform;
    platform.file = root.file();
    const auto name = root.at("platform");
    platform.name = read_name(name);
    if (platform.name != ascii::lower(platform.name)) name.fail("must be in lower case");
    platform.title = root.at("title").text();
    platform.source = root.at("source").text();
    root.at("source").choice({"social_media", "ads"});
    platform.api = read_api(root.at("api"));
    if (const auto auth = root.find("auth")) platform.auth = read_auth(*auth, platform.api);
    platform.day = read_day(root.at("day"));
    if (const auto lookups = root.find("lookups")) {
        for (const auto& [key, node] : lookups->entries()) platform.lookups.push_back(read_lookup(key, node, platform));
    }
    check_zone_attribute(root, platform);
    for (const auto& [key, node] : root.at("metrics").entries()) platform.metrics.push_back(read_metric(key, node));
    for (const auto& [key, node] : root.at("requests").entries())
        platform.requests.push_back(read_request(key, node, platform));
    if (const auto auth = root.find("auth")) check_logins(*auth, platform);
    if (platform.requests.empty()) root.at("requests").fail("must have at least one request");
    if (const auto limits = root.find("limits")) {
        for (const auto& node : limits->items()) platform.limits.push_back(read_limit(node, platform));
    }
    if (const auto usage = root.find("usage")) {
        for (const auto& node : usage->items()) platform.usage.push_back(read_usage(node));
    }
    platform.errors = read_errors(root.at("errors"));
    return platform;
}

}  // namespace tally::platform
