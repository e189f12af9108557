// SPDX-License-Identifier: Apache-2.0
// Instagram's profile node.
#include "instagram.hpp"
#include "hash.hpp"

#include <fmt/format.h>

namespace sim {
namespace {

/// `/me` is Instagram Login's form: there `id` is the app's own number for the account, and `user_id` the account's.
std::string node_id(const Call& call, const Account& account) {
    for (const auto segment : call.request.segments())
        if (segment == "me") return fmt::format("24{:015}", mix(account.key, hash_text("app")) % 1'000'000'000'000'000);
    return account.id;
}

}  // namespace

Reply answer_instagram(const Call& call, const Account& account, std::span<const std::string_view> path) {
    if (path.size() == 1 && path.front() == "insights") return answer_instagram_insights(call, account);
    if (!path.empty())
        return graph_error(call, {400, 2500, 0, fmt::format("Unknown path components: /{}", path.front())});

    return graph_node(call, "IGUser", node_id(call, account), [&](std::string_view name) -> std::optional<Json> {
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
