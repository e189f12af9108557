// SPDX-License-Identifier: Apache-2.0
// What is so in the simulated world: the properties of accounts, and what a test commanded to be different.
#pragma once

#include "calendar.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sim {

enum class Platform : std::uint8_t { instagram, facebook, youtube, snapchat, snapchat_profile, twitch };

inline constexpr std::size_t kPlatforms = 6;

std::string_view platform_name(Platform platform);
std::optional<Platform> parse_platform(std::string_view name);

/// Derived from the id on each request; nothing is stored per account.
struct Account {
    Platform platform{};
    std::string id;
    std::uint64_t key = 0;  ///< seed, platform and id; all numbers of the account are drawn from it
    double audience = 0;    ///< followers at the beginning of 2026
    Zone zone = nullptr;    ///< of its day: Pacific; an ad account's own; UTC for profiles and Twitch
    std::string currency;
    Day created{};                      ///< there are no numbers before
    bool monetised = false;             ///< Facebook, YouTube: earnings may be read
    bool reached_demographics = false;  ///< Instagram: reached_audience_demographics is offered
    bool enabled = true;                ///< Snapchat profiles: the client is on the allowlist
    std::string broadcaster_type;       ///< Twitch: affiliate, partner or empty

    /// The platforms keep some numbers of small accounts to themselves.
    bool small() const { return audience < 100; }
};

/// What POST /_sim/account sets; members not set follow from the id.
struct AccountOverride {
    Zone zone = nullptr;
    std::string currency;
    std::optional<double> followers;
    std::optional<Day> created;
    std::optional<bool> monetised;
    std::optional<bool> reached_demographics;
    std::optional<bool> enabled;
    std::optional<std::string> broadcaster_type;  ///< Twitch: affiliate, partner or empty
};

/// Usage headers commanded for a platform.
struct Usage {
    int percent = 0;  ///< 0 to 100
    int regain_minutes = 0;
};

class Grants;

class World {
public:
    explicit World(std::uint64_t seed);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    Account account(Platform platform, std::string_view id) const;
    bool revoked(Platform platform, std::string_view id) const;
    bool removed(Platform platform, std::string_view metric) const;
    /// What restatements by command added to a day.
    std::int64_t added(const Account& account, std::string_view metric, Day day) const;
    const Usage* usage(Platform platform) const;
    const Grants& grants() const { return *grants_; }
    Grants& grants() { return *grants_; }

    void set_account(Platform platform, std::string_view id, const AccountOverride& change);
    /// Ends every token of the account. Undone, only the named ones (sim.PLATFORM.ACCOUNT) live again.
    void revoke(Platform platform, std::string_view id);
    void unrevoke(Platform platform, std::string_view id) { revoked_.erase(name_of(platform, id)); }
    void remove_metric(Platform platform, std::string_view metric) { removed_.insert(name_of(platform, metric)); }
    void restore_metric(Platform platform, std::string_view metric) { removed_.erase(name_of(platform, metric)); }
    void restate(Platform platform, std::string_view id, std::string_view metric, Day day, std::int64_t add);
    void set_usage(Platform platform, const Usage& usage) { usage_[platform] = usage; }
    /// Everything commanded is forgotten.
    void reset();

private:
    static std::string name_of(Platform platform, std::string_view name);
    static std::string restatement_of(Platform platform, std::string_view id, std::string_view metric, Day day);

    std::uint64_t seed_;
    Zone utc_;
    std::vector<Zone> zones_;
    std::unordered_map<std::string, AccountOverride> overrides_;
    std::set<std::string> revoked_;
    std::set<std::string> removed_;
    std::unordered_map<std::string, std::int64_t> restated_;
    std::map<Platform, Usage> usage_;
    std::unique_ptr<Grants> grants_;
};

}  // namespace sim
