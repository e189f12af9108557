// SPDX-License-Identifier: Apache-2.0
// What Facebook Login finds: page tokens, and the Page that an Instagram account hangs on.
#include "grants.hpp"
#include "graph.hpp"

#include <fmt/format.h>

namespace sim {

std::string page_token(const Call& call, const Account& account) {
    const auto text = call.request.bearer.empty() ? call.request.query.get("access_token") : call.request.bearer;
    const auto* minted = call.world.grants().find(text);
    if (minted == nullptr) return fmt::format("sim.{}.{}", platform_name(account.platform), account.id);
    return minted->kind == TokenKind::page ? std::string{text} : minted->page;
}

Reply list_instagram_pages(const Call& call, const Account& account) {
    const auto page_id = "1" + std::to_string(account.key % 100'000'000'000'000U);
    Json page = Json::object();
    for (const auto& name : split_fields(call.request.query.get("fields", "access_token,category,name,id,tasks"))) {
        if (name == "access_token")
            page[name] = page_token(call, account);
        else if (name == "category")
            page[name] = "Bakery";
        else if (name == "name")
            page[name] = "Page of " + account.id;
        else if (name == "tasks")
            page[name] = Json::array({"ANALYZE", "ADVERTISE", "MODERATE", "CREATE_CONTENT", "MANAGE"});
        else if (name == "instagram_business_account")
            page[name] = Json{{"id", account.id}, {"username", "user." + account.id}};
        else if (name != "id")
            return graph_error(
                call,
                {400, 100, 0, fmt::format("(#100) Tried accessing nonexisting field ({}) on node type (Page)", name)});
    }
    page["id"] = page_id;
    return json_reply(200, Json{{"data", Json::array({std::move(page)})},
                                {"paging", {{"cursors", {{"before", "QVFIUjE"}, {"after", "QVFIUjE"}}}}}});
}

}  // namespace sim
