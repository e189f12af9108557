// SPDX-License-Identifier: Apache-2.0
// Snapchat's errors, its token check and its ad account entity.
#include "snapchat.hpp"

#include "hash.hpp"

#include <fmt/format.h>

namespace sim {
namespace {

Reply success(const Call& call, std::string_view key, Json content) {
    Json body{{"request_status", "SUCCESS"}, {"request_id", snapchat_request_id(call)}};
    body[std::string{key}] = std::move(content);
    return json_reply(200, body);
}

Json organization_id(const Account& account) {
    return make_uuid(mix(account.key, hash_text("organization")));
}

Json ad_account(const Account& account) {
    const auto created = midnight(account.zone, account.created);
    return Json{{"sub_request_status", "SUCCESS"},
                {"adaccount",
                 {{"id", account.id},
                  {"updated_at", render_utc_time(created, true)},
                  {"created_at", render_utc_time(created, true)},
                  {"name", "Ad account " + account.id},
                  {"type", "DIRECT"},
                  {"status", "ACTIVE"},
                  {"organization_id", organization_id(account)},
                  {"currency", account.currency},
                  {"timezone", account.zone->name()},
                  {"advertiser", "Simulated advertiser"},
                  {"billing_type", "REVOLVING"}}}};
}

Reply answer_me(const Call& call, const Account& account, const std::vector<std::string_view>& path) {
    if (path.size() == 2)
        return success(call, "me",
                       {{"id", make_uuid(mix(account.key, hash_text("me")))},
                        {"email", "user@example.invalid"},
                        {"organization_id", organization_id(account)},
                        {"display_name", "User of " + account.id}});
    return success(
        call, "organizations",
        Json::array({{{"sub_request_status", "SUCCESS"},
                      {"organization", {{"id", organization_id(account)}, {"name", "Simulated organization"}}}}}));
}

}  // namespace

std::string make_uuid(std::uint64_t key) {
    const auto low = mix(key);
    return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", key >> 32U, (key >> 16U) & 0xffffU, key & 0xfffU,
                       low >> 52U, low & 0xffffffffffffU);
}

std::string snapchat_request_id(const Call& call) {
    return fmt::format("{:020x}", mix(call.serial, hash_text("request")));
}

Reply snapchat_error(const Call& call, unsigned status, std::string_view code, std::string_view message) {
    Json body{{"request_status", "ERROR"},
              {"request_id", snapchat_request_id(call)},
              {"debug_message", message},
              {"display_message", "We're sorry, but the request could not be served"}};
    if (!code.empty()) body["error_code"] = code;
    return json_reply(status, body);
}

Reply snapchat_unauthorized(const Call& call, const Token& token) {
    auto reply = snapchat_error(call, 401, "", "The access token expired");
    std::string_view reason = "The access token expired";
    if (token.state != TokenState::expired) {  // the body of a 401 is not always JSON
        reply.body = "Unauthorized";
        reply.content_type = "text/plain";
        reason = "The access token is invalid";
    }
    reply.set("WWW-Authenticate", fmt::format("Bearer error=\"invalid_token\", error_description=\"{}\"", reason));
    return reply;
}

Reply snapchat_throttle(const Call& call) {
    return json_reply(
        429,
        Json{{"request_status", "ERROR"}, {"request_id", snapchat_request_id(call)}, {"msg", "Rate limit exceeded"}});
}

Reply answer_snapchat(const Call& call) {
    const auto token = read_token(call.request, call.world, false);
    if (!token.valid_for(Platform::snapchat)) return snapchat_unauthorized(call, token);
    if (call.request.method != "GET") return snapchat_error(call, 405, "", "Method not allowed");
    const auto path = call.request.segments();  // path[0] is v1
    const auto own = call.world.account(Platform::snapchat, token.account);
    const auto kind = path.size() > 1 ? path[1] : std::string_view{};
    if (kind == "me" && (path.size() == 2 || (path.size() == 3 && path[2] == "organizations")))
        return answer_me(call, own, path);
    if (kind == "organizations" && path.size() == 4 && path[3] == "adaccounts" &&
        path[2] == organization_id(own).get<std::string>())
        return success(call, "adaccounts", Json::array({ad_account(own)}));
    if (kind != "adaccounts" || path.size() < 3 || path.size() > 4 || (path.size() == 4 && path[3] != "stats"))
        return snapchat_error(call, 404, "E3003", "Resource not found");
    if (path[2] != own.id)
        return snapchat_error(call, 403, "",
                              fmt::format("None of the requested actions [READ_ADACCOUNT] can be authorized. Current "
                                          "user principal: user({}). Container roles: []",
                                          make_uuid(mix(own.key, hash_text("me")))));
    if (path.size() == 4) return answer_snapchat_stats(call, own);
    return success(call, "adaccounts", Json::array({ad_account(own)}));
}

}  // namespace sim
