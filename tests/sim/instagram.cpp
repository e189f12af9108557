// SPDX-License-Identifier: Apache-2.0
// Instagram's profile node.
#include "instagram.hpp"

#include <fmt/format.h>

namespace sim {

Reply answer_instagram(const Call& call, const Account& account, std::span<const std::string_view> path) {
    if (path.size() == 1 && path.front() == "insights") return answer_instagram_insights(call, account);
    if (!path.empty())
        return graph_error(call, {400, 2500, 0, fmt::format("Unknown path components: /{}", path.front())});

    return graph_node(call, "IGUser", account.id, [&](std::string_view name) -> std::optional<Json> {
        if (const auto count = instagram_counter(account, name, call.now)) return *count;
        if (name == "user_id" || name == "ig_id") return account.id;
        if (name == "username") return "user." + account.id;
        if (name == "name") return "Account " + account.id;
        if (name == "biography") return "Simulated account";
        if (name == "account_type") return "BUSINESS";
        if (name == "profile_picture_url") return "https://scontent.example.invalid/" + account.id + ".jpg";
        if (name == "website") return account.key % 2 == 0 ? Json("https://example.invalid/") : Json();
        return std::nullopt;
    });
}

}  // namespace sim
