// SPDX-License-Identifier: Apache-2.0
// Google's error envelope, and the Data API's channel counters.
#include "youtube.hpp"

#include "hash.hpp"
#include "tokens.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sim {
namespace {

constexpr std::array<std::string_view, 9> kParts{"id",          "snippet",      "statistics",       "contentDetails",
                                                 "status",      "topicDetails", "brandingSettings", "localizations",
                                                 "auditDetails"};

std::string etag(const Call& call, std::string_view what) {
    return fmt::format("{:016x}{:08x}", hash_text(what), mix(call.serial) & 0xffffffffU);
}

Json channel(const Call& call, std::string_view id, const std::vector<std::string_view>& parts) {
    const auto account = call.world.account(Platform::youtube, id);
    Json item{{"kind", "youtube#channel"}, {"etag", etag(call, id)}, {"id", account.id}};
    const auto wanted = [&parts](std::string_view part) {
        return std::find(parts.begin(), parts.end(), part) != parts.end();
    };
    if (wanted("snippet"))
        item["snippet"] = {{"title", "Channel " + account.id},
                           {"customUrl", "@" + account.id},
                           {"publishedAt", render_utc_time(midnight(pacific(), account.created), false)},
                           {"country", "DE"}};
    if (wanted("statistics")) {
        Json statistics = Json::object();
        for (const std::string_view name : {"viewCount", "subscriberCount", "videoCount"}) {
            if (call.world.removed(Platform::youtube, name)) continue;
            if (const auto count = youtube_counter(account, name, call.now))
                statistics[std::string{name}] = std::to_string(*count);
        }
        statistics["hiddenSubscriberCount"] = hides_subscribers(account);
        item["statistics"] = std::move(statistics);
    }
    return item;
}

Reply answer_channels(const Call& call, const Token& token) {
    const auto& query = call.request.query;
    if (token.state == TokenState::missing && query.get("key").empty())
        return google_error(403, "The request is missing a valid API key.", "forbidden", "global", "PERMISSION_DENIED");
    if (query.get("part").empty())
        return google_error(400, "No part selected. Expected a comma separated list of parts.",
                            "missingRequiredParameter", "youtube.parameter");
    const auto parts = split_list(query.get("part"));
    for (const auto part : parts)
        if (std::find(kParts.begin(), kParts.end(), part) == kParts.end())
            return google_error(400, fmt::format("'{}'", part), "unknownPart", "youtube.part");
    const bool mine = query.is("mine", "true");
    if (mine == (query.find("id") != nullptr))
        return mine ? google_error(400, "Incompatible parameters specified in the request: id, mine",
                                   "incompatibleParameters", "youtube.parameter")
                    : google_error(400, "No filter selected. Expected one of: forHandle, id, mine",
                                   "missingRequiredParameter", "youtube.parameter");
    if (mine && token.state == TokenState::missing)
        return google_error(401, "The request uses the <code>mine</code> parameter but is not properly authorized.",
                            "authorizationRequired", "youtube.header", "UNAUTHENTICATED");

    Json items = Json::array();
    if (mine) {
        items.push_back(channel(call, token.account, parts));
    } else {
        const auto ids = split_list(query.get("id"));
        if (ids.size() > 50)
            return google_error(400, "The request specifies too many values for the id parameter.", "invalidValue",
                                "youtube.parameter");
        for (const auto id : ids)
            if (!id.empty()) items.push_back(channel(call, id, parts));
    }
    const auto count = items.size();
    return json_reply(200, Json{{"kind", "youtube#channelListResponse"},
                                {"etag", etag(call, "list")},
                                {"pageInfo", {{"totalResults", count}, {"resultsPerPage", 5}}},
                                {"items", std::move(items)}});
}

}  // namespace

Reply google_error(unsigned code, std::string_view message, std::string_view reason, std::string_view domain,
                   std::string_view status) {
    Json body{{"code", code},
              {"message", message},
              {"errors", Json::array({{{"message", message}, {"domain", domain}, {"reason", reason}}})}};
    if (!status.empty()) body["status"] = status;
    return json_reply(code, Json{{"error", std::move(body)}});
}

Reply youtube_throttle(std::string_view path) {
    if (path.starts_with("/youtube/"))
        return google_error(403,
                            "The request cannot be completed because you have exceeded your <a "
                            "href=\"/youtube/v3/getting-started#quota\">quota</a>.",
                            "quotaExceeded", "youtube.quota");
    return google_error(429,
                        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service "
                        "'youtubeanalytics.googleapis.com' for consumer 'project_number:1'.",
                        "rateLimitExceeded", "global", "RESOURCE_EXHAUSTED");
}

Reply answer_youtube(const Call& call) {
    const auto token = read_token(call.request, call.world, false);
    const bool channels = call.request.path == "/youtube/v3/channels";
    if (!channels && call.request.path != "/v2/reports") return google_error(404, "Not Found", "notFound");
    if (call.request.method != "GET") return google_error(405, "Method Not Allowed", "httpMethodNotAllowed");
    if (token.state != TokenState::missing && !token.valid_for(Platform::youtube)) {
        auto reply = google_error(401,
                                  "Request had invalid authentication credentials. Expected OAuth 2 access token, "
                                  "login cookie or other valid authentication credential.",
                                  "authError", "global", "UNAUTHENTICATED");
        reply.set("WWW-Authenticate", "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"");
        return reply;
    }
    if (channels) return answer_channels(call, token);
    if (token.state == TokenState::missing)
        return google_error(401, "Request is missing required authentication credential.", "required", "global",
                            "UNAUTHENTICATED");
    return answer_youtube_report(call, token.account);
}

}  // namespace sim
