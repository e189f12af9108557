// SPDX-License-Identifier: Apache-2.0
// The true numbers of Snapchat's public profiles, per UTC day.
#include "hash.hpp"
#include "snapchat_profile.hpp"

#include <algorithm>
#include <array>

namespace sim {
namespace {

constexpr auto kFields = std::to_array<ProfileField>({
    {"SUBSCRIBERS", ProfileKind::level},
    {"SUBSCRIBERS_GAINED", ProfileKind::count, 0.002},
    {"VIEWS", ProfileKind::count, 0.4},
    {"VIEWERS", ProfileKind::people, 0.15},
    {"STORY_VIEWS", ProfileKind::count, 0.25},
    {"SHARES", ProfileKind::count, 0.003},
    {"INTERACTIONS", ProfileKind::count, 0.02},
    {"AVG_VIEW_TIME_MILLIS", ProfileKind::average},
});

/// Milliseconds; does not depend on the size of the audience.
std::int64_t average_view(const Account& account, const ProfileField& field, Day day) {
    return 700 + static_cast<std::int64_t>(day_key(mix(account.key, hash_text(field.name)), day) % 9000);
}

}  // namespace

std::span<const ProfileField> profile_fields() {
    return kFields;
}

const ProfileField* find_profile_field(std::string_view name) {
    const auto found = std::find_if(kFields.begin(), kFields.end(), [name](const auto& f) { return f.name == name; });
    return found == kFields.end() ? nullptr : &*found;
}

std::int64_t profile_value(const World& world, const Account& account, const ProfileField& field, Day day,
                           Stage stage) {
    switch (field.kind) {
        case ProfileKind::level:
            return followers(account, midnight(account.zone, day + date::days{1})) +
                   world.added(account, field.name, day);
        case ProfileKind::average:
            return published(average_view(account, field, day) + world.added(account, field.name, day), stage);
        case ProfileKind::count:
        case ProfileKind::people:
            break;
    }
    return published(value(world, account, field.name, field.rate, day), stage);
}

std::optional<std::int64_t> profile_counter(const Account& account, std::string_view name, Instant now) {
    if (name == "subscriber_count" && !account.small()) return followers(account, now);
    if (name == "spotlight_views" && mix(account.key, hash_text(name)) % 4 != 0)
        return level(account, name, account.audience * 0.05, now);
    return std::nullopt;
}

}  // namespace sim
