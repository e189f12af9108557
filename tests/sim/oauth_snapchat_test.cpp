// SPDX-License-Identifier: Apache-2.0
// Snapchat's OAuth serves ads and public profiles; and what every token route says when it was told to fail.
#include "http.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

using Fields = std::map<std::string, std::string>;

const std::string kRoute = "/login/oauth2/access_token";
const std::string kRedirect = "https://example.invalid/back";

std::string authorize_url(const std::string& scope) {
    return "/login/oauth2/authorize?response_type=code&client_id=sim-app&state=s&redirect_uri=" + kRedirect +
           "&scope=" + scope;
}

Fields with_secret(Fields fields) {
    fields["client_id"] = "sim-app";
    fields["client_secret"] = "sim-secret";
    return fields;
}

Json log_in(TestClient& client, const std::string& scope) {
    const auto back = client.authorize(authorize_url(scope));
    return client.form(kRoute, with_secret({{"grant_type", "authorization_code"},
                                            {"redirect_uri", kRedirect},
                                            {"code", std::string{back.get("code")}}}));
}

}  // namespace

TEST_CASE("Snapchat: who manages a profile logs in at the route of the ads, and the token is refreshed there") {
    TestClient client;
    client.post("/_sim/person", {{"platform", "snapchat_profile"}, {"account", "pp1"}});
    const auto tokens = log_in(client, "snapchat-profile-api");
    CHECK(tokens["scope"] == "snapchat-profile-api");
    const std::string access = tokens["access_token"];
    CHECK(client.get_json("/v1/public_profiles/pp1", access)["public_profile"]["id"] == "pp1");
    CHECK(client.get("/v1/me", access).status == 401);
    client.now += std::chrono::hours{1};
    CHECK(client.get("/v1/public_profiles/pp1", access).status == 401);
    const auto fresh =
        client.form(kRoute, with_secret({{"grant_type", "refresh_token"}, {"refresh_token", tokens["refresh_token"]}}));
    CHECK(client.get("/v1/public_profiles/pp1", fresh["access_token"]).status == 200);
    const auto accounts = client.get_json("/_sim/grants")["accounts"];
    REQUIRE(accounts.size() == 1);
    CHECK(accounts[0]["platform"] == "snapchat_profile");
    CHECK(accounts[0]["refreshes"] == 1);
    // A fault for the profile's account finds its refresh.
    client.post("/_sim/fault",
                {{"kind", "status"}, {"platform", "snapchat_profile"}, {"account", "pp1"}, {"count", 1}});
    client.form(kRoute, with_secret({{"grant_type", "refresh_token"}, {"refresh_token", tokens["refresh_token"]}}),
                503);
}

TEST_CASE("Snapchat: ads and profiles each want their own scope") {
    TestClient client;
    const auto token_of = [&client](const std::string& platform, const std::string& scope) {
        return client
            .post("/_sim/grant",
                  {{"platform", platform}, {"account", "a1"}, {"scopes", Json::array({scope})}})["access_token"]
            .get<std::string>();
    };
    CHECK(client.get("/v1/public_profiles/a1", token_of("snapchat_profile", "snapchat-profile-api")).status == 200);
    const auto refused =
        client.get_json("/v1/public_profiles/a1", token_of("snapchat_profile", "snapchat-marketing-api"), 403);
    CHECK(refused["debug_message"].get<std::string>().find("snapchat-profile-api") != std::string::npos);
    CHECK(client.get("/v1/adaccounts/a1", token_of("snapchat", "snapchat-marketing-api")).status == 200);
    CHECK(client.get("/v1/adaccounts/a1", token_of("snapchat", "snapchat-profile-api")).status == 403);
}

TEST_CASE("token routes fail in their own form, not in that of the API") {
    TestClient client;
    const auto fault = [&client](const Json& kind) {
        client.simulator.faults().clear();
        client.post("/_sim/fault", kind);
    };
    fault({{"kind", "status"}, {"status", 500}});
    const auto google = client.form("/token", {}, 500);
    CHECK(google["error"] == "internal_failure");
    CHECK(google["error_description"].is_string());
    CHECK(client.form(kRoute, {}, 500)["error"].is_string());
    const auto twitch = client.form("/oauth2/token", {}, 500);
    CHECK(twitch["status"] == 500);
    CHECK(!twitch.contains("error"));
    CHECK(client.form("/oauth/access_token", {}, 500)["error_type"] == "OAuthException");
    CHECK(client.get_json("/refresh_access_token", "", 500)["error"]["code"] == 2);
    CHECK(client.get_json("/v25.0/oauth/access_token", "", 500)["error"]["code"] == 2);

    fault({{"kind", "rate_limit"}});
    CHECK(client.form("/token", {}, 429)["error"] == "rate_limit_exceeded");
    CHECK(client.form("/oauth2/token", {}, 429)["status"] == 429);
    CHECK(client.get_json("/v25.0/oauth/access_token", "", 403)["error"]["code"] == 4);
}

TEST_CASE("an answer by command takes the place of the request: a refresh token is not used up") {
    TestClient client;
    const auto granted = client.post("/_sim/grant", {{"platform", "twitch"}, {"account", "555"}});
    const auto fields = with_secret({{"grant_type", "refresh_token"}, {"refresh_token", granted["refresh_token"]}});
    client.post("/_sim/error", {{"status", 400},
                                {"body", {{"status", 400}, {"message", "slow_down"}}},
                                {"path", "/oauth2/token"},
                                {"count", 1}});
    CHECK(client.form("/oauth2/token", fields, 400)["message"] == "slow_down");
    CHECK(client.form("/oauth2/token", fields)["access_token"].is_string());
}
