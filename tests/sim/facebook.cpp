// SPDX-License-Identifier: Apache-2.0
// Facebook's page node and the list of a user's pages.
#include "facebook.hpp"

#include <fmt/format.h>

namespace sim {
namespace {

std::optional<Json> page_field(const Call& call, const Account& account, std::string_view name) {
    if (const auto count = facebook_counter(account, name, call.now)) return *count;
    if (name == "name") return "Page " + account.id;
    if (name == "username") return "page." + account.id;
    if (name == "category") return "Bakery";
    if (name == "about") return "Simulated page";
    if (name == "link") return "https://www.facebook.com/" + account.id;
    if (name == "access_token") return page_token(call, account);
    if (name == "tasks") return Json::array({"ANALYZE", "ADVERTISE", "MODERATE", "CREATE_CONTENT", "MANAGE"});
    if (name == "website" || name == "instagram_business_account") return Json{};  // known, but this page has none
    return std::nullopt;
}

/// The one page this user token may read.
Reply list_pages(const Call& call, const Account& account) {
    Json page = Json::object();
    for (const auto& name : split_fields(call.request.query.get("fields", "access_token,category,name,id,tasks"))) {
        auto field = name == "id" ? std::optional<Json>{account.id} : page_field(call, account, name);
        if (!field)
            return graph_error(
                call,
                {400, 100, 0, fmt::format("(#100) Tried accessing nonexisting field ({}) on node type (Page)", name)});
        if (!field->is_null()) page[name] = std::move(*field);
    }
    page["id"] = account.id;
    return json_reply(200, Json{{"data", Json::array({std::move(page)})},
                                {"paging", {{"cursors", {{"before", "QVFIUjE"}, {"after", "QVFIUjE"}}}}}});
}

}  // namespace

Reply answer_facebook(const Call& call, const Account& account, const Token& token, bool me,
                      std::span<const std::string_view> path) {
    if (me && token.user) {
        if (path.size() == 1 && path.front() == "accounts") return list_pages(call, account);
        if (path.empty())
            return graph_node(call, "User", "user-" + account.id, [&](std::string_view name) -> std::optional<Json> {
                if (name == "name") return "User of " + account.id;
                return std::nullopt;
            });
    }
    if (path.empty())
        return graph_node(call, "Page", account.id,
                          [&](std::string_view name) { return page_field(call, account, name); });
    if (path.front() == "insights" && path.size() <= 2) {
        if (token.user)
            return graph_error(call, {400, 190, 2069032,
                                      "User Access Token Is Not Supported: A Page access token is required for this "
                                      "call for the new Pages experience."});
        return answer_facebook_insights(call, account, path.size() == 2 ? path.back() : std::string_view{});
    }
    return graph_error(
        call,
        {400, 100, 0, fmt::format("(#100) Tried accessing nonexisting field ({}) on node type (Page)", path.front())});
}

}  // namespace sim
