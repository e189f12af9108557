// SPDX-License-Identifier: Apache-2.0
// Limits on command: how each platform speaks of them.
#include "graph.hpp"
#include "limits.hpp"
#include "snapchat.hpp"
#include "youtube.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sim {
namespace {

/// The limits of the app and of a person's token are Graph's platform limits, those of pages and Instagram accounts
/// are business use cases; each kind has its own header and codes.
bool business(const Caller& caller, LimitScope scope) {
    return scope == LimitScope::account || (scope == LimitScope::token && !caller.user_token);
}

Reply graph_refusal(const Call& call, const Caller& caller, const LimitState& state, Moment now) {
    Reply reply;
    if (business(caller, state.scope))
        reply = graph_throttle(call, *caller.platform, caller.account, state.minutes_left(now));
    else if (state.scope == LimitScope::app)
        reply = graph_error(call, {403, 4, 0, "(#4) Application request limit reached", "OAuthException", true});
    else
        reply = graph_error(call, {403, 17, 0, "(#17) User request limit reached", "OAuthException", true});
    reply.set("facebook-api-version", graph_version(call.request));
    return reply;
}

Reply google_refusal(const Call& call, const LimitState& state) {
    if (state.scope != LimitScope::app)
        return google_error(403, "User Rate Limit Exceeded", "userRateLimitExceeded", "usageLimits");
    // The day's quota of the Analytics API has the reason of a short limit; only the message tells.
    if (!call.request.path.starts_with("/youtube/") && state.rule.length >= std::chrono::hours{24})
        return google_error(429,
                            "Quota exceeded for quota metric 'Queries' and limit 'Queries per day' of service "
                            "'youtubeanalytics.googleapis.com' for consumer 'project_number:1'.",
                            "rateLimitExceeded", "global", "RESOURCE_EXHAUSTED");
    return youtube_throttle(call.request.path);
}

void add_graph_headers(const Caller& caller, const std::vector<LimitState>& windows, Moment now, Reply& reply) {
    const LimitState* fullest = nullptr;  // there is one business header, also for two limits
    for (const auto& state : windows) {
        const auto percent = state.percent();
        if (!business(caller, state.scope))
            reply.set("X-App-Usage", fmt::format(R"({{"call_count":{},"total_time":{},"total_cputime":{}}})", percent,
                                                 percent / 2, percent / 3));
        else if (fullest == nullptr || percent > fullest->percent())
            fullest = &state;
    }
    if (fullest == nullptr) return;
    const auto percent = fullest->percent();
    const auto* type = caller.platform == Platform::instagram ? "instagram" : "pages";
    const Json entry{{"type", type},
                     {"call_count", percent},
                     {"total_cputime", percent / 4},
                     {"total_time", percent / 4},
                     {"estimated_time_to_regain_access", fullest->full() ? fullest->minutes_left(now) : 0}};
    reply.set("X-Business-Use-Case-Usage", render_json(Json{{caller.account, Json::array({entry})}}));
}

void add_twitch_headers(const std::vector<LimitState>& windows, Reply& reply) {
    if (windows.empty()) return;
    const auto left = [](const LimitState& state) {
        return state.rule.requests - std::min(state.used, state.rule.requests);
    };
    const auto& tightest = *std::min_element(windows.begin(), windows.end(), [&left](const auto& a, const auto& b) {
        return left(a) != left(b) ? left(a) < left(b) : a.ends > b.ends;
    });
    // Helix has points of its own; the client is told of whatever is nearer its end.
    const auto* points = reply.find("Ratelimit-Remaining");
    const auto points_left = points != nullptr ? parse_integer(*points) : std::nullopt;
    if (points_left && static_cast<std::uint64_t>(*points_left) < left(tightest)) return;
    reply.set("Ratelimit-Limit", std::to_string(tightest.rule.requests));
    reply.set("Ratelimit-Remaining", std::to_string(left(tightest)));
    reply.set("Ratelimit-Reset",
              std::to_string(std::chrono::ceil<std::chrono::seconds>(tightest.ends).time_since_epoch().count()));
}

}  // namespace

Reply limit_refusal(const Call& call, const Caller& caller, const LimitState& state, Moment now) {
    switch (caller.dialect) {
        case Dialect::graph:
            return graph_refusal(call, caller, state, now);
        case Dialect::google:
            return google_refusal(call, state);
        case Dialect::snapchat:
            return snapchat_throttle(call);
        case Dialect::twitch:
            break;
    }
    return json_reply(429,
                      Json{{"error", "Too Many Requests"}, {"status", 429}, {"message", "Request limit exceeded"}});
}

void add_limit_headers(const Caller& caller, const std::vector<LimitState>& windows, Moment now, Reply& reply) {
    if (caller.dialect == Dialect::graph) add_graph_headers(caller, windows, now, reply);
    if (caller.dialect == Dialect::twitch) add_twitch_headers(windows, reply);
}

}  // namespace sim
