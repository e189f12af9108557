// SPDX-License-Identifier: Apache-2.0
// Snapchat's Public Profile API: a profile's organic numbers, and its answers. A product of its own beside the ads.
#pragma once

#include "call.hpp"
#include "truth.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace sim {

enum class ProfileKind : std::uint8_t {
    level,    ///< at the day's end
    count,    ///< adds up over days
    people,   ///< uniques: days overlap
    average,  ///< of the day's views
};

struct ProfileField {
    std::string_view name;
    ProfileKind kind;
    double rate = 0;  ///< a day and subscriber
};

/// The fields of the asset type PROFILE.
std::span<const ProfileField> profile_fields();
/// Null for unknown names and for those of other asset types.
const ProfileField* find_profile_field(std::string_view name);

/// How far back the platform answers, in whole UTC days.
inline constexpr int kProfileHistory = 90;

/// Precondition: the day is not hidden.
std::int64_t profile_value(const World& world, const Account& account, const ProfileField& field, Day day, Stage stage);

/// subscriber_count and spotlight_views; nothing for other names, and where the platform leaves them out.
std::optional<std::int64_t> profile_counter(const Account& account, std::string_view name, Instant now);

bool is_profile_path(std::string_view path);
Reply answer_snapchat_profile(const Call& call);

}  // namespace sim
