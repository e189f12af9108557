// SPDX-License-Identifier: Apache-2.0
// What each documented answer means.
#include "daemon/platform/classify.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;
using namespace std::chrono_literals;
using enum tally::platform::Outcome;

namespace {

const auto kNow = at("2026-11-21T20:00:00Z");  // noon in Los Angeles

Verdict judge(std::string_view platform, int status, std::string body,
              std::vector<std::pair<std::string, std::string>> headers = {}) {
    return classify(shipped(platform), {.status = status, .headers = std::move(headers), .body = std::move(body)},
                    kNow);
}

std::string graph(int code, int subcode = 0, std::string_view message = "words", bool transient = false) {
    nlohmann::json error{
        {"message", message}, {"type", "OAuthException"}, {"code", code}, {"fbtrace_id", "A1bC2dE3fG4hI5jK6"}};
    if (subcode != 0) error["error_subcode"] = subcode;
    if (transient) error["is_transient"] = true;
    return nlohmann::json{{"error", error}}.dump();
}

std::string google(std::string_view reason, std::string_view message = "words", std::string_view detail = "") {
    nlohmann::json error{{"code", 403},
                         {"message", message},
                         {"errors", {{{"message", message}, {"domain", "global"}, {"reason", reason}}}}};
    if (!detail.empty())
        error["details"] = {{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"}, {"reason", detail}}};
    return nlohmann::json{{"error", error}}.dump();
}

std::string snap(std::string_view code, std::string_view message) {
    nlohmann::json body{{"request_status", "ERROR"},
                        {"request_id", "6720aa77"},
                        {"debug_message", message},
                        {"display_message", "sorry"}};
    if (!code.empty()) body["error_code"] = code;
    return body.dump();
}

}  // namespace

TEST_CASE("Graph errors go by code and subcode, not by HTTP status") {
    struct Case {
        int status, code, subcode;
        const char* message;
        Outcome outcome;
    };
    const Case both[] = {
        {500, 1, 0, "An unknown error occurred", retry},
        {400, 1, 99, "An unknown error occurred", bug},
        {503, 2, 0, "Service temporarily unavailable", retry},
        {403, 3, 0, "(#3) Application does not have the capability", forbidden},
        {400, 4, 0, "(#4) Application request limit reached", wait},
        {400, 4, 1504022, "(#4) Application request limit reached", wait},
        {403, 10, 0, "(#10) Application does not have permission for this action", forbidden},
        {403, 17, 0, "(#17) User request limit reached", wait},
        {400, 32, 0, "(#32) Page request limit reached", wait},
        {400, 100, 0, "(#100) Param since must be before param until", bug},
        {400, 100, 0, "(#100) The value must be a valid insights metric", bad_metric},
        {400, 100, 33, "Unsupported get request. Object with ID '42' does not exist", gone},
        {400, 100, 1504016, "(#100) There cannot be more than 93 days", bug},
        {400, 100, 0, "(#100) There cannot be more than 30 days (2592000 s) between since and until", bug},
        {400, 100, 0, "(#100) since param is not valid. Metrics data is available for the last 2 years", bug},
        {500, 100, 0, "The ids query parameter is deprecated in v26.0+", bug},  // permanent, although 5xx
        {400, 100, 0, "(#100) API calls from the server require an appsecret_proof argument", bug},
        {400, 102, 0, "Session key invalid", reauthorize},
        {401, 190, 0, "Invalid OAuth access token", reauthorize},
        {400, 190, 458, "The user has not authorized application", reauthorize},
        {400, 190, 459, "The user is enrolled in a blocking checkpoint", reauthorize},
        {400, 190, 460, "The user changed their password", reauthorize},
        {400, 190, 463, "Session has expired", reauthorize},
        {400, 190, 464, "Sessions for the user are not allowed", reauthorize},
        {400, 190, 467, "The session is invalid because the user logged out", reauthorize},
        {400, 190, 492, "The session is invalid", reauthorize},
        {400, 190, 2069032, "A Page access token is required for this call", bug},
        {400, 190, 0, "(#190) This method must be called with a Page Access Token", bug},
        {403, 200, 0, "(#200) Requires pages_read_engagement permission", forbidden},
        {403, 283, 0, "(#283) Requires pages_read_engagement permission", forbidden},
        {403, 341, 0, "Application limit reached", wait},
        {400, 368, 0, "The action attempted has been deemed abusive", wait},
        {400, 613, 0, "Calls to this api have exceeded the rate limit", wait},
        {400, 613, 1996, "Inconsistent request volume", wait},
        {400, 803, 0, "(#803) Some of the aliases you requested do not exist", gone},
        {400, 2500, 0, "Unknown path components: /v99.0", bug},
        {400, 3001, 1504028, "(#3001) No metric was specified", bug},
        {403, 80001, 0, "(#80001) There have been too many calls to this Page account", wait},
        {403, 80002, 0, "(#80002) There have been too many calls to this Instagram account", wait},
        {403, 80004, 2446079, "(#80004) There have been too many calls to this ad-account", wait},
        {403, 80014, 0, "(#80014) There have been too many calls for the batch uploads", wait},
    };
    for (const auto* platform : {"instagram", "facebook"}) {
        for (const auto& c : both) {
            CAPTURE(std::string{platform});
            CAPTURE(std::string{c.message});
            const auto verdict = judge(platform, c.status, graph(c.code, c.subcode, c.message));
            CHECK(to_text(verdict.outcome) == to_text(c.outcome));
            CHECK(verdict.code == (c.subcode != 0 ? fmt::format("{}/{}", c.code, c.subcode) : std::to_string(c.code)));
            CHECK(verdict.message == c.message);
            CHECK((verdict.wait > 0ms) == (c.outcome == wait));
        }
    }
}

TEST_CASE("Graph's metric errors name the guilty one when they can") {
    struct Case {
        const char *message, *metric;
        std::optional<std::size_t> place = {};
    };
    const Case cases[] = {
        {"(#100) metric[2] must be one of the following values: reach, views", nullptr, 2},
        {"(#100) Starting from version 22 and above, the impressions metric is no longer supported for the queried "
         "media",
         nullptr},
        {"(#100) The following metric (profile_views) is incompatible with the metric type (time_series)",
         "profile_views"},
        {"(#100) (follower_count) metric only supports querying data for the last 30 days excluding the current day",
         "follower_count"},
        {"(#100) The following metrics (views) should be specified with parameter metric_type=total_value", "views"},
        {"(#100) The following metrics (views, likes) should be specified with parameter metric_type=total_value",
         nullptr},
        {"(#100) Tried accessing nonexisting field (fan_count) on node type (IGUser)", "fan_count"},
        {"An unknown error has occurred", nullptr},
    };
    for (const auto& [message, metric, place] : cases) {
        CAPTURE(std::string{message});
        const auto verdict = judge("instagram", 400, graph(100, 0, message));
        CHECK(verdict.outcome == bad_metric);
        CHECK(verdict.metric == (metric == nullptr ? std::nullopt : std::optional<std::string>{metric}));
        CHECK(verdict.metric_place == place);
    }
    // Our own mistakes are not a metric's fault.
    for (const auto* platform : {"instagram", "facebook"})
        CHECK(judge(platform, 400, graph(100, 0, "(#100) metric_type must be one of the following values: time_series"))
                  .outcome == bug);
}

TEST_CASE("what is marked as transient passes, but a limit stays a limit") {
    CHECK(judge("facebook", 400, graph(999, 0, "odd", true)).outcome == retry);
    CHECK(judge("facebook", 400, graph(999, 0, "odd", false)).outcome == bug);
    CHECK(judge("facebook", 403, graph(4, 0, "limit", true)).outcome == wait);
}

TEST_CASE("a throttled caller waits as long as the usage header says, else as the rule says") {
    const auto limit = graph(80002, 0, "too many calls");
    const std::string usage =
        R"({"42":[{"type":"instagram","call_count":100,"estimated_time_to_regain_access":17},{"type":"pages","estimated_time_to_regain_access":3}]})";
    CHECK(judge("instagram", 403, limit, {{"x-business-use-case-usage", usage}}).wait == 17min);
    CHECK(judge("instagram", 403, limit,
                {{"x-business-use-case-usage", R"({"42":[{"estimated_time_to_regain_access":0}]})"}})
              .wait == 5min);
    CHECK(judge("instagram", 403, limit, {{"x-business-use-case-usage", "garbage"}}).wait == 5min);
    CHECK(judge("instagram", 403, limit,
                {{"x-business-use-case-usage", R"({"42":[{"estimated_time_to_regain_access":1e300}]})"}})
              .wait == 24h);
    CHECK(judge("instagram", 403, limit).wait == 5min);
    CHECK(judge("instagram", 403, limit, {{"Retry-After", "30"}}).wait == 30s);
    CHECK(judge("instagram", 200, R"({"data":[]})", {{"x-business-use-case-usage", usage}}).outcome == ok);
}

TEST_CASE("YouTube's errors") {
    struct Case {
        int status;
        std::string body;
        Outcome outcome;
        const char* code;
    };
    const Case cases[] = {
        {400, google("badRequest", "The query is not supported. Check the documentation"), bug, "badRequest"},
        {400, google("badRequest", "Unknown identifier (impressions) given in field parameters.metrics."), bad_metric,
         "badRequest"},
        {400, google("required", "Required"), bug, "required"},
        {401, google("authError", "Request had invalid authentication credentials."), reauthorize, "authError"},
        {401, google("unauthorized", "Insufficient permission to access this report."), forbidden, "unauthorized"},
        {403, google("insufficientPermissions", "Insufficient Permission", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
         reauthorize, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"},
        {403, google("forbidden"), forbidden, "forbidden"},
        {403, google("accessNotConfigured", "words", "SERVICE_DISABLED"), bug, "SERVICE_DISABLED"},
        {403, google("rateLimitExceeded"), wait, "rateLimitExceeded"},
        {429, google("userRateLimitExceeded"), wait, "userRateLimitExceeded"},
        {403, google("channelClosed"), gone, "channelClosed"},
        {403, google("channelSuspended"), forbidden, "channelSuspended"},
        {401, google("youtubeSignupRequired"), forbidden, "youtubeSignupRequired"},
        {404, google("channelNotFound"), gone, "channelNotFound"},
        {404, google("notFound"), forbidden, "notFound"},
        {500, google("internalError"), retry, "internalError"},
        {503, "<html>Backend</html>", retry, "http 503"},
        {401, R"({"error":{"code":401,"message":"words","status":"UNAUTHENTICATED"}})", reauthorize, "UNAUTHENTICATED"},
        {200, R"({"kind":"youtubeAnalytics#resultTable","errors":{"error":[]}})", retry, "http 200"},
        {200, R"({"kind":"youtube#channelListResponse","pageInfo":{"totalResults":0}})", forbidden, "http 200"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.body);
        const auto verdict = judge("youtube", c.status, c.body);
        CHECK(to_text(verdict.outcome) == to_text(c.outcome));
        CHECK(verdict.code == c.code);
    }
    CHECK(judge("youtube", 400,
                google("badRequest", "Unknown identifier (impressions) given in field parameters.metrics."))
              .metric == "impressions");
}

TEST_CASE("YouTube's daily quota ends at midnight Pacific, whatever the reason calls itself") {
    const auto per_day = google(
        "rateLimitExceeded",
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per day' of service 'youtube.googleapis.com'");
    CHECK(judge("youtube", 429, per_day).wait == 12h);
    CHECK(judge("youtube", 403, google("quotaExceeded")).wait == 12h);
    CHECK(judge("youtube", 403, google("dailyLimitExceeded"), {{"retry-after", "5"}}).wait == 12h);
    CHECK(judge("youtube", 429, google("rateLimitExceeded", "Quota exceeded for limit 'Queries per minute'")).wait ==
          1min);
    // The day on which the clocks go back has an hour more.
    const HttpAnswer answer{.status = 403, .headers = {}, .body = google("quotaExceeded")};
    CHECK(classify(shipped("youtube"), answer, at("2026-11-01T07:00:00Z")).wait == 25h);
}

TEST_CASE("Snapchat's errors, also inside HTTP 200") {
    struct Case {
        int status;
        std::string body;
        Outcome outcome;
        const char* code;
    };
    const Case cases[] = {
        {400,
         snap("E1008", "Unsupported Stats Query: Only field 'spend' should be used when querying AdAccount stats."),
         bug, "E1008"},
        {400, snap("E1008", "Unsupported Stats Query: Field 'video_views_9s' is not a known field."), bad_metric,
         "E1008"},
        {400,
         snap("E1008",
              "Unsupported Stats Query: Timeseries queries with DAY granularity must have a start time that is the "
              "start of day"),
         bug, "E1008"},
        {400, snap("E3002", "The date range should be within 31 days"), bug, "E3002"},
        {400,
         snap("", "Invalid query parameters in request URL: [Invalid StartDateTime, 2026-06-24T00:00:00.000 03:00]"),
         bug, "http 400"},
        {401, snap("", "The access token expired"), reauthorize, "http 401"},
        {401, "Unauthorized", reauthorize, "http 401"},
        {403, snap("", "None of the requested actions [READ_ADACCOUNT] can be authorized."), forbidden, "http 403"},
        {404, snap("E3003", "Resource not found"), gone, "E3003"},
        {405, snap("", "no"), bug, "http 405"},
        {429, R"({"request_status":"ERROR","request_id":"x","msg":"Rate limit exceeded"})", wait, "http 429"},
        {500, "<html></html>", retry, "http 500"},
        {200, R"({"request_status":"ERROR","error_code":"E9999","debug_message":"half"})", retry, "E9999"},
        {200, R"({"request_status":"PARTIAL","timeseries_stats":[]})", retry, "http 200"},
        {200,
         R"({"request_status":"success","timeseries_stats":[{"sub_request_status":"SUCCESS"},{"sub_request_status":"ERROR"}]})",
         retry, "http 200"},
        {200, R"({"request_status":"SUCCESS","adaccounts":[{"sub_request_status":"ERROR"}]})", retry, "http 200"},
        {200, R"({"request_status":"success","timeseries_stats":[{"sub_request_status":"success"}]})", ok, ""},
        {200, R"({"request_status":"SUCCESS","timeseries_stats":[]})", ok, ""},
    };
    for (const auto& c : cases) {
        CAPTURE(c.body);
        const auto verdict = judge("snapchat", c.status, c.body);
        CHECK(to_text(verdict.outcome) == to_text(c.outcome));
        CHECK(verdict.code == c.code);
    }
    CHECK(judge("snapchat", 400, cases[1].body).metric == "video_views_9s");
    CHECK(judge("snapchat", 429, cases[10].body).wait == 5s);
    CHECK(judge("snapchat", 429, cases[10].body).message == "Rate limit exceeded");
}

TEST_CASE("Twitch's errors: a 401 is not always a dead token") {
    struct Case {
        int status;
        const char* message;
        Outcome outcome;
    };
    const Case cases[] = {
        {400, "Missing required parameter \"broadcaster_id\"", bug},
        {400, "The parameter \"first\" was malformed: the value must be less than or equal to 100", bug},
        {400, "broadcaster_id \"x\" must be numeric", bug},
        {400, "The broadcaster must be a partner or affiliate", forbidden},
        {401, "Invalid OAuth token", reauthorize},
        {401, "OAuth token is missing", reauthorize},
        {401, "Must provide a valid Client-ID or OAuth token", bug},
        {401, "Client ID and OAuth token do not match", bug},
        {401, "Missing channel:read:subscriptions scope", forbidden},
        {401, "Missing scope: channel:read:subscriptions", forbidden},
        {401, "Missing required scope channel:read:subscriptions", forbidden},
        {401, "The ID in broadcaster_id must match the user ID found in the request's OAuth token.", forbidden},
        {403, "The broadcaster is suspended", forbidden},
        {404, "not found", forbidden},
        {410, "This API is not available.", bug},
        {500, "", retry},
        {502, "", retry},
        {503, "", retry},
        {504, "", retry},
    };
    for (const auto& c : cases) {
        CAPTURE(c.message);
        CAPTURE(c.status);
        const nlohmann::json body{{"error", "reason"}, {"status", c.status}, {"message", c.message}};
        CHECK(to_text(judge("twitch", c.status, body.dump()).outcome) == to_text(c.outcome));
    }
    const auto limited =
        judge("twitch", 429, R"({"error":"Too Many Requests","status":429,"message":"Request limit exceeded"})",
              {{"ratelimit-limit", "800"},
               {"ratelimit-remaining", "0"},
               {"ratelimit-reset", std::to_string(kNow.time_since_epoch() / 1s + 17)}});
    CHECK(limited.outcome == wait);
    CHECK(limited.wait >= 17s);
    CHECK(limited.wait <= 19s);
    CHECK(limited.wait_scope == BudgetScope::token);
}

TEST_CASE("a Public Profile that is not open to the app is refused, not dead") {
    const auto outcome = [](int status, const std::string& body) {
        return std::string{to_text(judge("snapchat_profile", status, body).outcome)};
    };
    CHECK(outcome(403, snap("", "AUTHORIZATION_PERMISSION_DENIED")) == "forbidden");
    CHECK(outcome(401, snap("", "unauthorized")) == "forbidden");
    CHECK(outcome(401, snap("", "The access token expired")) == "reauthorize");
    CHECK(outcome(404, snap("E3003", "Resource not found")) == "gone");
    CHECK(outcome(429, snap("", "Rate limit exceeded")) == "wait");
    CHECK(outcome(400, snap("E1008", "Field 'VIEWZ' is not a known field.")) == "bad_metric");
    CHECK(outcome(400, snap("E3002", "The date range should be within 90 days")) == "bug");
    CHECK(outcome(503, "<html></html>") == "retry");
}

TEST_CASE("without a rule the HTTP status decides") {
    const std::pair<int, Outcome> cases[] = {{200, ok},          {201, ok},        {301, retry},     {400, bug},
                                             {401, reauthorize}, {403, forbidden}, {404, forbidden}, {408, wait},
                                             {410, bug},         {429, wait},      {500, retry},     {503, retry}};
    for (const auto& [status, outcome] : cases) {
        CAPTURE(status);
        CHECK(to_text(judge("facebook", status, R"({"data": []})").outcome) == to_text(outcome));
    }
    CHECK(judge("facebook", 429, "{}").wait == 60s);
    CHECK(judge("facebook", 503, "{}", {{"RETRY-AFTER", "7"}}).wait == 7s);
    CHECK(judge("facebook", 503, "{}").wait == 0s);
    CHECK(judge("facebook", 403, "{}", {{"retry-after", "7"}}).wait == 0s);
}

TEST_CASE("a success that cannot be read is no success") {
    for (const auto* body :
         {"", "{\"data\": [", "<!DOCTYPE html><html></html>", "{\"title\": \"\xfc\"}", "null", "17", "{} {}"}) {
        CAPTURE(std::string{body});
        const auto verdict = judge("facebook", 200, body);
        CHECK(verdict.outcome == retry);
        CHECK(verdict.code == "not json");
        CHECK_FALSE(verdict.message.empty());
    }
    CHECK(judge("facebook", 200, graph(4242)).outcome == retry);  // an error that no rule knows, with the wrong status
}

TEST_CASE("messages are shown without tokens and no longer than 300 bytes") {
    const auto verdict =
        judge("facebook", 400,
              graph(190, 463,
                    "Bad request: https://graph.facebook.com/me?access_token=EAAsecret&x=1\n" + std::string(500, 'x')));
    CHECK(verdict.message.find("EAAsecret") == std::string::npos);
    CHECK(verdict.message.find("access_token=***&x=1 xxx") != std::string::npos);
    CHECK(verdict.message.size() <= 300);
    CHECK(verdict.code == "190/463");
}

TEST_CASE("a version other than the one asked for is told") {
    const std::string body = R"({"data":[]})";
    CHECK(judge("instagram", 200, body, {{"Facebook-API-Version", "v21.0"}}).served_version == "v21.0");
    CHECK_FALSE(judge("instagram", 200, body, {{"facebook-api-version", "v25.0"}}).served_version);
    CHECK_FALSE(judge("instagram", 200, body).served_version);
    CHECK_FALSE(judge("youtube", 200, body, {{"facebook-api-version", "v21.0"}}).served_version);
    // A request of a version of its own is answered as that one: no drift.
    const HttpAnswer older{.status = 200, .headers = {{"facebook-api-version", "v24.0"}}, .body = body};
    CHECK_FALSE(classify(shipped("instagram"), older, kNow, "v24.0").served_version);
    CHECK(classify(shipped("instagram"), older, kNow, "v25.0").served_version == "v24.0");
}

TEST_CASE("any answer has a verdict") {
    CHECK(rc::check([] {
        const auto* platform = *rc::gen::element("instagram", "facebook", "youtube", "snapchat");
        const auto verdict = judge(platform, *rc::gen::inRange(100, 600), *rc::gen::string<std::string>(),
                                   {{"retry-after", *rc::gen::string<std::string>()}});
        RC_ASSERT(verdict.message.size() <= 300u);
        RC_ASSERT(verdict.wait >= 0ms);
        RC_ASSERT(verdict.outcome != wait || verdict.wait > 0ms);
    }));
}
