// SPDX-License-Identifier: Apache-2.0
// Instagram Login: short and long tokens, the age at which they may be refreshed, scopes.
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

const std::string kProfile = "/v25.0/1784?fields=username";
const std::string kInsights =
    "/v25.0/1784/insights?metric=reach&period=day&metric_type=total_value&since=1794556800&until=1794643200";

std::string refresh_url(const std::string& token) {
    return "/refresh_access_token?grant_type=ig_refresh_token&access_token=" + token;
}
std::string exchange_url(const std::string& token, const std::string& secret = "sim-secret") {
    return "/access_token?grant_type=ig_exchange_token&client_secret=" + secret + "&access_token=" + token;
}

}  // namespace

TEST_CASE("Instagram Login: code, short token, long token") {
    TestClient client;
    for (const std::string account : {"1784", "17840"}) {  // the answer comes plain or wrapped
        client.post("/_sim/person", {{"platform", "instagram"}, {"account", account}});
        const auto reply = client.get(
            "/oauth/authorize?client_id=sim-app&response_type=code&state=z&redirect_uri=https://example.invalid/"
            "back&scope=instagram_business_basic,instagram_business_manage_insights");
        REQUIRE(reply.status == 302);
        const auto location = *reply.find("Location");
        REQUIRE(location.ends_with("#_"));
        const auto back = make_request("GET", location.substr(0, location.size() - 2), "h", "").query;
        std::map<std::string, std::string> fields{{"client_id", "sim-app"},
                                                  {"client_secret", "sim-secret"},
                                                  {"grant_type", "authorization_code"},
                                                  {"redirect_uri", "https://example.invalid/back"},
                                                  {"code", std::string{back.get("code")}}};
        const auto body = client.form("/oauth/access_token", fields);
        const auto tokens = body.contains("data") ? body["data"][0] : body;
        CHECK(tokens["user_id"] == account);
        CHECK(tokens["permissions"].size() == 2);
        CHECK(client.form("/oauth/access_token", fields, 400)["error_type"] == "OAuthException");
        const std::string brief = tokens["access_token"];
        CHECK(client.get("/v25.0/me?fields=username", brief).status == 200);
        CHECK(client.get(exchange_url(brief, "wrong")).status == 400);
        const auto lasting = client.get_json(exchange_url(brief));
        CHECK(lasting["expires_in"] == 5183944);
        client.now += std::chrono::hours{1};
        CHECK(client.get("/v25.0/me?fields=username", brief).status == 400);
        CHECK(client.get("/v25.0/me?fields=username", lasting["access_token"]).status == 200);
    }
    const auto wrong = client.form("/oauth/access_token", {{"client_id", "nobody"}}, 400);
    CHECK(wrong["error_message"] == "Invalid platform app");
}

TEST_CASE("Instagram Login: a long token is refreshed when it is a day old and not dead") {
    TestClient client;
    const std::string token =
        client.post("/_sim/grant", {{"platform", "instagram"}, {"account", "1784"}})["access_token"];
    client.now += std::chrono::hours{24} - std::chrono::seconds{1};
    CHECK(client.get(refresh_url(token)).status == 400);
    client.now += std::chrono::seconds{1};
    const auto fresh = client.get_json(refresh_url(token));
    CHECK(fresh["token_type"] == "bearer");
    CHECK(fresh["expires_in"] == 5183944);
    CHECK(client.get(refresh_url(fresh["access_token"])).status == 400);
    client.post("/_sim/refresh-age", {{"seconds", 0}});
    CHECK(client.get(refresh_url(fresh["access_token"])).status == 200);
    CHECK(client.get_json("/_sim/grants")["accounts"][0]["refreshes"] == 2);
    client.post("/_sim/expire", {{"platform", "instagram"}, {"account", "1784"}});
    CHECK(client.get_json(refresh_url(fresh["access_token"]), "", 400)["error"]["error_subcode"] == 463);
    CHECK(client.get_json(refresh_url("nonsense"), "", 400)["error"]["code"] == 190);
}

TEST_CASE("Instagram: each login needs its own scopes") {
    TestClient client;
    const auto token = [&client](const std::string& login, const Json& scopes) {
        return client
            .post(
                "/_sim/grant",
                {{"platform", "instagram"}, {"account", "1784"}, {"login", login}, {"scopes", scopes}})["access_token"]
            .get<std::string>();
    };
    const auto direct = token("instagram_login", {"instagram_business_basic"});
    CHECK(client.get(kProfile, direct).status == 200);
    const auto refused = client.get_json(kInsights, direct, 403)["error"];
    CHECK(refused["code"] == 10);
    CHECK(refused["message"].get<std::string>().find("instagram_business_manage_insights") != std::string::npos);
    const auto facebook =
        token("facebook_login", {"instagram_basic", "instagram_manage_insights", "pages_read_engagement"});
    CHECK(client.get_json(kInsights, facebook)["data"] == client.get_json(kInsights, "sim.instagram.1784")["data"]);
    CHECK(client.get(kProfile, token("facebook_login", {"instagram_manage_insights"})).status == 403);
}
