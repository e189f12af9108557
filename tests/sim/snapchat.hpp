// SPDX-License-Identifier: Apache-2.0
// Snapchat's Ads API: the fields of its statistics, their true numbers, and its answers.
#pragma once

#include "call.hpp"
#include "tokens.hpp"
#include "truth.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sim {

enum class SnapchatKind : std::uint8_t {
    additive,  ///< counts and micro-currency: may be summed over campaigns and days
    people,    ///< uniques: a count that must not be summed; not by hour
    ratio,     ///< a fraction that must not be summed
};

struct SnapchatField {
    std::string name;
    double rate = 0;  ///< a day and person of the audience
    SnapchatKind kind = SnapchatKind::additive;
    bool late = false;        ///< missing for the running day and the one before
    bool reach = false;       ///< of the group of reach: not at DAY and HOUR
    bool conversion = false;  ///< grows for the length of the attribution window
};

/// By name. The coupon fields are among them, although the unit of those is not known.
const std::map<std::string, SnapchatField, std::less<>>& snapchat_fields();
/// Null for unknown names.
const SnapchatField* find_snapchat_field(std::string_view name);

std::size_t snapchat_campaigns(const Account& account);

/// The first instant whose numbers can be seen at `now`: they come by the quarter of an hour.
Instant snapchat_horizon(Instant now);
/// Whether the platform shows anything of that local day at `now`.
bool snapchat_visible(const Account& account, Day day, Instant now);
bool snapchat_too_early(const Account& account, const SnapchatField& field, Day day, Instant now);

/// An additive field of one campaign inside [from, to), as published at `now`.
std::int64_t snapchat_amount(const World& world, const Account& account, const SnapchatField& field,
                             std::size_t campaign, Instant from, Instant to, Instant now);
/// An additive field of the whole account on one local day: the sum of its campaigns.
std::int64_t snapchat_day(const World& world, const Account& account, const SnapchatField& field, Day day, Instant now);

Reply answer_snapchat(const Call& call);
/// GET /v1/adaccounts/{id}/stats, for a token that may read the account.
Reply answer_snapchat_stats(const Call& call, const Account& account);

/// The envelope of every error; `code` such as E1008 may be empty.
Reply snapchat_error(const Call& call, unsigned status, std::string_view code, std::string_view message);
/// For a token that is missing, dead or of another platform.
Reply snapchat_unauthorized(const Call& call, const Token& token);
Reply snapchat_throttle(const Call& call);
std::string snapchat_request_id(const Call& call);
/// A stable UUID made from a hash.
std::string make_uuid(std::uint64_t key);

}  // namespace sim
