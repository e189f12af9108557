// SPDX-License-Identifier: Apache-2.0
// What a token that lacks a right is answered.
#include "scopes.hpp"

#include "graph.hpp"
#include "snapchat.hpp"
#include "snapchat_profile.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sim {
namespace {

std::optional<Reply> google_scopes(const Call& call, const Token& token) {
    const auto has = [&token](std::string_view name) {
        return token.has(fmt::format("https://www.googleapis.com/auth/{}", name));
    };
    const bool channel = has("youtube") || has("youtube.readonly") || has("youtubepartner");
    const bool analytics = has("yt-analytics.readonly") || has("yt-analytics-monetary.readonly");
    const bool report = call.request.path.starts_with("/v2/");
    // The report is documented to need the channel's right beside its own.
    if (channel && (analytics || !report)) return std::nullopt;
    const Json error{
        {"code", 403},
        {"message", "Request had insufficient authentication scopes."},
        {"errors",
         Json::array(
             {{{"message", "Insufficient Permission"}, {"domain", "global"}, {"reason", "insufficientPermissions"}}})},
        {"status", "PERMISSION_DENIED"},
        {"details",
         Json::array(
             {{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
               {"reason", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"},
               {"domain", "googleapis.com"},
               {"metadata", {{"service", report ? "youtubeanalytics.googleapis.com" : "youtube.googleapis.com"}}}}})}};
    auto reply = json_reply(403, Json{{"error", error}});
    reply.set("WWW-Authenticate", "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\"");
    return reply;
}

std::optional<Reply> facebook_scopes(const Call& call, const Token& token, bool insights, bool listing, bool self) {
    // Neither says why: the list of pages and the list of numbers are just empty.
    if (listing && !token.has("pages_show_list")) return json_reply(200, Json{{"data", Json::array()}});
    if (insights && !token.user && !token.has("read_insights")) return json_reply(200, Json{{"data", Json::array()}});
    if (listing || self || token.has("pages_read_engagement")) return std::nullopt;
    return graph_error(call, {403, 200, 0,
                              "(#200) Requires pages_read_engagement permission or Page Public Content Access "
                              "feature"});
}

std::optional<Reply> instagram_scopes(const Call& call, const Token& token, bool insights, bool listing) {
    const bool direct = token.login == "instagram_login";
    if (listing) {
        if (token.has("pages_show_list")) return std::nullopt;
        return json_reply(200, Json{{"data", Json::array()}});
    }
    const auto missing = [&](std::string_view scope) -> std::optional<Reply> {
        if (token.has(scope)) return std::nullopt;
        return graph_error(call, {403, 10, 0,
                                  fmt::format("(#10) Application does not have permission for this action: {} is "
                                              "required",
                                              scope)});
    };
    if (auto refusal = missing(direct ? "instagram_business_basic" : "instagram_basic")) return refusal;
    if (!direct)
        if (auto refusal = missing("pages_read_engagement")) return refusal;
    if (!insights) return std::nullopt;
    return missing(direct ? "instagram_business_manage_insights" : "instagram_manage_insights");
}

std::optional<Reply> snapchat_scope(const Call& call, const Token& token, std::string_view scope) {
    if (token.has(scope)) return std::nullopt;
    return snapchat_error(call, 403, "", fmt::format("The access token does not have the scope {}", scope));
}

}  // namespace

std::optional<Reply> refuse_scopes(const Call& call, const Token& token) {
    if (token.state != TokenState::valid || token.scopes == nullptr) return std::nullopt;
    const auto path = call.request.segments();
    const auto named = [&path](std::string_view name) {
        return std::find(path.begin(), path.end(), name) != path.end();
    };
    const bool profile = is_profile_path(call.request.path);
    const bool ads = !profile && call.request.path.starts_with("/v1/");
    const bool graph = is_graph_path(call.request.path);
    switch (token.platform) {
        case Platform::youtube:
            return graph || call.request.path.starts_with("/v1/") ? std::nullopt : google_scopes(call, token);
        case Platform::facebook:
            return graph ? facebook_scopes(call, token, named("insights"), named("accounts"), token.user && named("me"))
                         : std::nullopt;
        case Platform::instagram:
            return graph ? instagram_scopes(call, token, named("insights"), named("accounts")) : std::nullopt;
        case Platform::snapchat:
            return ads ? snapchat_scope(call, token, "snapchat-marketing-api") : std::nullopt;
        case Platform::snapchat_profile:
            return profile ? snapchat_scope(call, token, "snapchat-profile-api") : std::nullopt;
        case Platform::twitch:  // Helix judges by itself: each endpoint has its own words
            break;
    }
    return std::nullopt;
}

}  // namespace sim
