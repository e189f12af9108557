// SPDX-License-Identifier: Apache-2.0
// Limits on command: windows, the headers that grow with use, and each platform's refusal.
#include "limits.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

const std::string kInstagram = "sim.instagram.1784";
const std::string kPage = "sim.facebook.9";
const std::string kChannels = "/youtube/v3/channels?part=id&mine=true";
const std::string kReport = "/v2/reports?ids=channel==MINE&metrics=views&startDate=2026-11-01&endDate=2026-11-02";

void limit(TestClient& client, const std::string& platform, const std::string& scope, int requests, int seconds) {
    client.post("/_sim/limit",
                {{"platform", platform}, {"scope", scope}, {"requests", requests}, {"seconds", seconds}});
}

Json error_of(const Reply& reply) {
    return Json::parse(reply.body).value("error", Json::object());
}

Json business_usage(const Reply& reply, const std::string& account) {
    const auto* header = reply.find("X-Business-Use-Case-Usage");
    REQUIRE(header != nullptr);
    return Json::parse(*header).at(account).at(0);
}

}  // namespace

TEST_CASE("an account's window grows to 100 percent, refuses, and ends") {
    TestClient client;
    limit(client, "instagram", "account", 4, 150);
    const auto ask = [&client] { return client.get("/v24.0/1784?fields=name", kInstagram); };
    for (const int percent : {25, 50, 75, 100}) {
        const auto reply = ask();
        CHECK(reply.status == 200);
        const auto usage = business_usage(reply, "1784");
        CHECK(usage["type"] == "instagram");
        CHECK(usage["call_count"] == percent);
        CHECK(usage["estimated_time_to_regain_access"] == (percent == 100 ? 3 : 0));
    }
    client.now += std::chrono::seconds{100};
    const auto refused = ask();
    CHECK(refused.status == 403);
    CHECK(error_of(refused)["code"] == 80002);
    CHECK(*refused.find("facebook-api-version") == "v24.0");
    CHECK(business_usage(refused, "1784")["call_count"] == 100);
    CHECK(business_usage(refused, "1784")["estimated_time_to_regain_access"] == 1);
    // Another account has a window of its own, and another platform none.
    CHECK(client.get("/v24.0/1785?fields=name", "sim.instagram.1785").status == 200);
    CHECK(client.get("/v24.0/1784?fields=name", "sim.facebook.1784").status == 200);
    client.now += std::chrono::seconds{49};
    CHECK(ask().status == 403);
    client.now += std::chrono::seconds{1};
    CHECK(business_usage(ask(), "1784")["call_count"] == 25);
}

TEST_CASE("Graph's limits of app, person and page have their own codes and headers") {
    TestClient client;
    limit(client, "facebook", "app", 2, 60);
    const auto first = client.get("/v25.0/9?fields=name", kPage);
    CHECK(Json::parse(*first.find("X-App-Usage"))["call_count"] == 50);
    CHECK(client.get("/v25.0/10?fields=name", "sim.facebook.10").status == 200);
    const auto app = client.get("/v25.0/11?fields=name", "sim.facebook.11");
    CHECK(app.status == 403);
    CHECK(error_of(app)["code"] == 4);
    CHECK(Json::parse(*app.find("X-App-Usage"))["call_count"] == 100);
    CHECK(client.get("/v25.0/1784?fields=name", kInstagram).status == 200);

    client.post("/_sim/reset", Json::object());
    limit(client, "facebook", "token", 1, 60);
    for (const auto& [token, code] : {std::pair{kPage, 80001}, std::pair{std::string{"simuser.facebook.9"}, 17}}) {
        CHECK(client.get("/v25.0/9?fields=name", token).status == 200);
        const auto refused = client.get("/v25.0/9?fields=name", token);
        CHECK(refused.status == 403);
        CHECK(error_of(refused)["code"] == code);
        CHECK(refused.find(code == 17 ? "X-App-Usage" : "X-Business-Use-Case-Usage") != nullptr);
    }
    // A refused request takes nothing from the other windows.
    limit(client, "facebook", "account", 3, 60);
    for (const unsigned status : {200U, 403U, 403U}) CHECK(client.get("/v25.0/9?fields=name", kPage).status == status);
    for (const unsigned status : {200U, 403U})
        CHECK(client.get("/v25.0/9?fields=name", "simuser.facebook.9").status == status);
    const auto query = client.get("/v25.0/9?fields=name&access_token=" + kPage);
    CHECK(error_of(query)["code"] == 80001);  // the same token, sent otherwise
}

TEST_CASE("Google sends no usage, counts its APIs apart, and says when a day's quota is used up") {
    TestClient client;
    limit(client, "youtube", "app", 1, 60);
    const auto first = client.get(kChannels, "sim.youtube.UC1");
    CHECK(first.status == 200);
    CHECK(first.headers.empty());
    const auto quota = client.get(kChannels, "sim.youtube.UC2");
    CHECK(quota.status == 403);
    CHECK(error_of(quota)["errors"][0]["reason"] == "quotaExceeded");
    CHECK(client.get(kReport, "sim.youtube.UC1").status == 200);
    const auto minute = client.get(kReport, "sim.youtube.UC1");
    CHECK(minute.status == 429);
    CHECK(error_of(minute)["message"].get<std::string>().find("per minute") != std::string::npos);

    limit(client, "youtube", "app", 1, 86400);
    CHECK(client.get(kReport, "sim.youtube.UC1").status == 200);
    const auto day = client.get(kReport, "sim.youtube.UC1");
    CHECK(day.status == 429);
    CHECK(error_of(day)["message"].get<std::string>().find("per day") != std::string::npos);

    client.post("/_sim/reset", Json::object());
    limit(client, "youtube", "account", 1, 60);
    CHECK(client.get(kChannels, "sim.youtube.UC1").status == 200);
    CHECK(error_of(client.get(kChannels, "sim.youtube.UC1"))["errors"][0]["reason"] == "userRateLimitExceeded");
    CHECK(client.get(kChannels, "sim.youtube.UC2").status == 200);
}

TEST_CASE("Snapchat answers 429 without a word of when") {
    TestClient client;
    limit(client, "snapchat", "token", 2, 10);
    CHECK(client.get("/v1/me", "sim.snapchat.a").headers.empty());
    CHECK(client.get("/v1/me", "sim.snapchat.a").status == 200);
    const auto refused = client.get("/v1/me", "sim.snapchat.a");
    CHECK(refused.status == 429);
    CHECK(refused.headers.empty());
    CHECK(Json::parse(refused.body)["msg"] == "Rate limit exceeded");
    CHECK(client.get("/v1/me", "sim.snapchat.b").status == 200);
    client.now += std::chrono::seconds{10};
    CHECK(client.get("/v1/me", "sim.snapchat.a").status == 200);
}

TEST_CASE("a request without a known token takes nothing from the app's window") {
    TestClient client;
    limit(client, "snapchat", "app", 1, 60);
    for (const auto* token : {"", "nonsense", "", "nonsense"}) CHECK(client.get("/v1/me", token).status == 401);
    CHECK(client.get("/v1/me", "sim.snapchat.a").status == 200);
    CHECK(client.get("/v1/me", "sim.snapchat.a").status == 429);
    CHECK(client.get("/v1/me", "nonsense").status == 401);
}

TEST_CASE("Twitch's headers tell the tightest window and the second it ends") {
    const Moment now = at("2026-11-20T20:00:00Z") + std::chrono::milliseconds{400};
    Caller caller;
    caller.dialect = Dialect::twitch;
    const std::vector<LimitState> windows{
        {LimitScope::app, {800, std::chrono::seconds{60}}, 10, now + std::chrono::seconds{60}},
        {LimitScope::token, {5, std::chrono::seconds{30}}, 5, now + std::chrono::seconds{30}}};
    const World world{1};
    const auto request = make_request("GET", "/helix/users", "h", "");
    const Call call{world, request, at("2026-11-20T20:00:00Z"), 1};
    auto refused = limit_refusal(call, caller, windows[1], now);
    add_limit_headers(caller, windows, now, refused);
    CHECK(refused.status == 429);
    CHECK(Json::parse(refused.body) ==
          Json{{"error", "Too Many Requests"}, {"status", 429}, {"message", "Request limit exceeded"}});
    CHECK(*refused.find("Ratelimit-Limit") == "5");
    CHECK(*refused.find("Ratelimit-Remaining") == "0");
    const auto reset = at("2026-11-20T20:00:31Z").time_since_epoch().count();
    CHECK(*refused.find("Ratelimit-Reset") == std::to_string(reset));
}

TEST_CASE("limits are deleted, forgotten by reset, and checked") {
    TestClient client;
    const auto statuses = [&client] {
        std::vector<unsigned> all;
        for (int i = 0; i < 2; ++i) all.push_back(client.get("/v1/me", "sim.snapchat.a").status);
        return all;
    };
    limit(client, "snapchat", "app", 1, 60);
    CHECK(statuses() == std::vector<unsigned>{200, 429});
    CHECK(client.simulator.answer(make_request("DELETE", "/_sim/limit", "h", ""), client.now).status == 200);
    CHECK(statuses() == std::vector<unsigned>{200, 200});
    limit(client, "snapchat", "app", 1, 60);
    client.post("/_sim/reset", Json::object());
    CHECK(statuses() == std::vector<unsigned>{200, 200});

    const Json good{{"platform", "snapchat"}, {"scope", "app"}, {"requests", 1}, {"seconds", 1}};
    const std::vector<std::pair<const char*, Json>> wrong{
        {"scope", "page"}, {"requests", 0}, {"requests", 1.5}, {"seconds", 0}, {"platform", "friendster"}, {"x", 1}};
    for (const auto& [name, value] : wrong) {
        auto bad = good;
        bad[name] = value;
        CAPTURE(bad.dump());
        client.post("/_sim/limit", bad, 400);
    }
    client.post("/_sim/limit", {{"platform", "snapchat"}, {"scope", "app"}}, 400);
}

TEST_CASE("a limit on Helix comes before its points, and the headers tell of what ends first") {
    TestClient client;
    const auto ask = [&client](const std::string& id) {
        return client.helix("channels/followers?broadcaster_id=" + id, "sim.twitch." + id);
    };
    limit(client, "twitch", "token", 2, 30);
    const auto first = ask("555");
    CHECK(first.status == 200);
    CHECK(*first.find("Ratelimit-Limit") == "2");
    CHECK(*first.find("Ratelimit-Remaining") == "1");
    CHECK(ask("555").status == 200);
    const auto refused = ask("555");
    CHECK(refused.status == 429);
    CHECK(Json::parse(refused.body)["message"] == "Request limit exceeded");
    CHECK(*refused.find("Ratelimit-Remaining") == "0");
    const auto reset = at("2026-11-20T20:00:30Z").time_since_epoch().count();
    CHECK(*refused.find("Ratelimit-Reset") == std::to_string(reset));
    CHECK(ask("556").status == 200);
    client.now += std::chrono::seconds{30};
    CHECK(ask("555").status == 200);

    limit(client, "twitch", "token", 5000, 30);
    const auto points = ask("555");
    CHECK(*points.find("Ratelimit-Limit") == "800");
    CHECK(*points.find("Ratelimit-Remaining") == "798");  // the second point of this second
}

TEST_CASE("Graph counts its login routes for the token they were sent with") {
    TestClient client;
    const std::string token = client.post("/_sim/grant", {{"platform", "facebook"}, {"account", "9"}})["access_token"];
    limit(client, "facebook", "token", 2, 60);
    CHECK(client.get("/v25.0/me/accounts?fields=id", token).status == 200);
    CHECK(client.get("/v25.0/debug_token?input_token=" + token + "&access_token=" + token).status == 200);
    CHECK(error_of(client.get("/v25.0/debug_token?input_token=" + token + "&access_token=" + token))["code"] == 17);
    CHECK(error_of(client.get("/v25.0/me/accounts?fields=id", token))["code"] == 17);
    // The application's own word is nobody's token.
    const auto own = "/v25.0/debug_token?input_token=" + token + "&access_token=sim-app%7Csim-secret";
    CHECK(client.get(own).status == 200);
}
