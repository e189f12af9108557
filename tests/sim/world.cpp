// SPDX-License-Identifier: Apache-2.0
// What is so in the simulated world: the properties of accounts, and what a test commanded to be different.
#include "world.hpp"

#include "grants.hpp"
#include "hash.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace sim {
namespace {

constexpr std::array<std::string_view, kPlatforms> kNames{"instagram", "facebook",         "youtube",
                                                          "snapchat",  "snapchat_profile", "twitch"};
constexpr std::array<std::string_view, 6> kBroadcasters{"",          "affiliate", "affiliate",
                                                        "affiliate", "partner",   "partner"};
constexpr std::array<const char*, 7> kZones{"Europe/Berlin",    "America/Los_Angeles", "America/New_York", "Asia/Tokyo",
                                            "Australia/Sydney", "America/Sao_Paulo",   "Asia/Kathmandu"};
constexpr std::array<std::string_view, 7> kCurrencies{"EUR", "USD", "USD", "JPY", "AUD", "BRL", "USD"};

}  // namespace

std::string_view platform_name(Platform platform) {
    return kNames[static_cast<std::size_t>(platform)];
}

std::optional<Platform> parse_platform(std::string_view name) {
    for (std::size_t i = 0; i < kNames.size(); ++i)
        if (kNames[i] == name) return static_cast<Platform>(i);
    return std::nullopt;
}

World::World(std::uint64_t seed)
    : seed_{seed}, utc_{date::locate_zone("Etc/UTC")}, grants_{std::make_unique<Grants>(seed)} {
    for (const auto* name : kZones) zones_.push_back(date::locate_zone(name));
}

World::~World() = default;

Account World::account(Platform platform, std::string_view id) const {
    using namespace date::literals;
    Account account;
    account.platform = platform;
    account.id = id;
    account.key = mix(mix(seed_, static_cast<std::uint64_t>(platform)), hash_text(id));
    const bool small = id.ends_with("-small");
    const auto size = unit(mix(account.key, hash_text("audience")));
    account.audience = small ? 5 + 90 * size : 150 * std::exp(size * 9.0);  // 150 to 1.2 million

    const auto place = mix(account.key, hash_text("zone")) % zones_.size();
    account.zone = platform == Platform::snapchat ? zones_[place] : pacific();
    if (platform == Platform::snapchat_profile || platform == Platform::twitch) account.zone = utc_;
    account.currency = kCurrencies[place];
    account.broadcaster_type = kBroadcasters[mix(account.key, hash_text("broadcaster")) % kBroadcasters.size()];
    account.created = Day{date::local_days{2015_y / 1 / 1}} +
                      date::days{static_cast<int>(mix(account.key, hash_text("created")) % 2900)};

    if (overrides_.empty()) return account;
    const auto found = overrides_.find(name_of(platform, id));
    if (found == overrides_.end()) return account;
    const auto& change = found->second;
    if (change.zone != nullptr && platform == Platform::snapchat) account.zone = change.zone;
    if (!change.currency.empty()) account.currency = change.currency;
    if (change.followers) account.audience = *change.followers;
    if (change.created) account.created = *change.created;
    account.monetised = change.monetised.value_or(account.monetised);
    account.reached_demographics = change.reached_demographics.value_or(account.reached_demographics);
    account.enabled = change.enabled.value_or(account.enabled);
    if (change.broadcaster_type) account.broadcaster_type = *change.broadcaster_type;
    return account;
}

bool World::revoked(Platform platform, std::string_view id) const {
    return !revoked_.empty() && revoked_.contains(name_of(platform, id));
}

bool World::removed(Platform platform, std::string_view metric) const {
    return !removed_.empty() && removed_.contains(name_of(platform, metric));
}

std::int64_t World::added(const Account& account, std::string_view metric, Day day) const {
    if (restated_.empty()) return 0;
    const auto found = restated_.find(restatement_of(account.platform, account.id, metric, day));
    return found == restated_.end() ? 0 : found->second;
}

const Usage* World::usage(Platform platform) const {
    const auto found = usage_.find(platform);
    return found == usage_.end() ? nullptr : &found->second;
}

void World::set_account(Platform platform, std::string_view id, const AccountOverride& change) {
    auto& entry = overrides_[name_of(platform, id)];
    if (change.zone != nullptr) entry.zone = change.zone;
    if (!change.currency.empty()) entry.currency = change.currency;
    if (change.followers) entry.followers = change.followers;
    if (change.created) entry.created = change.created;
    if (change.monetised) entry.monetised = change.monetised;
    if (change.reached_demographics) entry.reached_demographics = change.reached_demographics;
    if (change.enabled) entry.enabled = change.enabled;
    if (change.broadcaster_type) entry.broadcaster_type = change.broadcaster_type;
}

void World::revoke(Platform platform, std::string_view id) {
    revoked_.insert(name_of(platform, id));
    grants_->revoke(platform, id);
}

void World::restate(Platform platform, std::string_view id, std::string_view metric, Day day, std::int64_t add) {
    restated_[restatement_of(platform, id, metric, day)] += add;
}

void World::reset() {
    overrides_.clear();
    revoked_.clear();
    removed_.clear();
    restated_.clear();
    usage_.clear();
    grants_->reset();
}

std::string World::name_of(Platform platform, std::string_view name) {
    return fmt::format("{}\n{}", static_cast<int>(platform), name);
}

std::string World::restatement_of(Platform platform, std::string_view id, std::string_view metric, Day day) {
    return fmt::format("{}\n{}\n{}\n{}", static_cast<int>(platform), id, metric, day.time_since_epoch().count());
}

}  // namespace sim
