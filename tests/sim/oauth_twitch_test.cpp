// SPDX-License-Identifier: Apache-2.0
// Twitch's OAuth: codes, devices, single-use refresh tokens, validation.
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

using Fields = std::map<std::string, std::string>;

const std::string kDeviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

Fields refreshing(const std::string& token) {
    return {{"grant_type", "refresh_token"},
            {"client_id", "sim-app"},
            {"client_secret", "sim-secret"},
            {"refresh_token", token}};
}

Reply validate(TestClient& client, const std::string& token) {
    return client.simulator.answer(
        make_request("GET", "/oauth2/validate", client.host, token.empty() ? "" : "OAuth " + token), client.now);
}

Json grant(TestClient& client) {
    return client.post("/_sim/grant", {{"platform", "twitch"}, {"account", "555"}});
}

}  // namespace

TEST_CASE("Twitch: a code becomes tokens; scopes come as a list") {
    TestClient client;
    client.post("/_sim/person", {{"platform", "twitch"}, {"account", "555"}});
    const auto back = client.authorize(
        "/oauth2/authorize?response_type=code&client_id=sim-app&state=x&redirect_uri=http://localhost:3000&"
        "scope=channel:read:subscriptions+moderator:read:followers");
    CHECK(back.get("scope") == "channel:read:subscriptions moderator:read:followers");
    const Fields fields{{"grant_type", "authorization_code"},
                        {"client_id", "sim-app"},
                        {"client_secret", "sim-secret"},
                        {"redirect_uri", "http://localhost:3000"},
                        {"code", std::string{back.get("code")}}};
    const auto tokens = client.form("/oauth2/token", fields);
    CHECK(tokens["scope"] == Json::array({"channel:read:subscriptions", "moderator:read:followers"}));
    CHECK(tokens["token_type"] == "bearer");
    CHECK(tokens["expires_in"] == 14124);
    CHECK(client.helix("subscriptions?broadcaster_id=555", tokens["access_token"]).status == 200);
    const auto again = client.form("/oauth2/token", fields, 400);
    CHECK(again["message"] == "Invalid authorization code");
    CHECK(!again.contains("error"));
}

TEST_CASE("Twitch: a refresh token is good for one time, and reuse is counted") {
    TestClient client;
    const auto first = grant(client);
    const auto second = client.form("/oauth2/token", refreshing(first["refresh_token"]));
    CHECK(second["refresh_token"] != first["refresh_token"]);
    CHECK(client.helix("users", first["access_token"]).status == 200);
    CHECK(client.form("/oauth2/token", refreshing(first["refresh_token"]), 400)["message"] == "Invalid refresh token");
    client.form("/oauth2/token", refreshing(second["refresh_token"]));

    client.post("/_sim/rotation", {{"platform", "twitch"}, {"mode", "none"}});
    const auto third = grant(client);
    CHECK(client.form("/oauth2/token", refreshing(third["refresh_token"]))["refresh_token"] == third["refresh_token"]);
    client.form("/oauth2/token", refreshing(third["refresh_token"]));
}

TEST_CASE("Twitch: wrong applications are told apart") {
    TestClient client;
    auto fields = refreshing(grant(client)["refresh_token"]);
    fields["client_secret"] = "wrong";
    CHECK(client.form("/oauth2/token", fields, 403)["message"] == "invalid client secret");
    fields["client_id"] = "nobody";
    CHECK(client.form("/oauth2/token", fields, 400)["message"] == "invalid client");
    fields = refreshing("");
    CHECK(client.form("/oauth2/token", fields, 400)["message"] == "missing refresh token");
}

TEST_CASE("Twitch: a public client's device waits for its person, and must not hurry") {
    TestClient client;
    client.post("/_sim/app", {{"client_id", "public"}});
    const auto start =
        client.form("/oauth2/device", {{"client_id", "public"}, {"scopes", "channel:read:subscriptions"}});
    CHECK(start["expires_in"] == 1800);
    CHECK(start["interval"] == 5);
    const std::string user_code = start["user_code"];
    CHECK(start["verification_uri"].get<std::string>().ends_with(user_code));
    const Fields poll{{"client_id", "public"},
                      {"scopes", "channel:read:subscriptions"},
                      {"device_code", start["device_code"].get<std::string>()},
                      {"grant_type", kDeviceGrant}};
    CHECK(client.form("/oauth2/token", poll, 400)["message"] == "authorization_pending");
    client.now += std::chrono::seconds{4};
    CHECK(client.form("/oauth2/token", poll, 400)["message"] == "slow_down");
    client.post("/_sim/approve", {{"user_code", user_code}, {"account", "777"}});
    client.now += std::chrono::seconds{5};
    const auto tokens = client.form("/oauth2/token", poll);
    CHECK(tokens["scope"] == Json::array({"channel:read:subscriptions"}));
    CHECK(client.helix("subscriptions?broadcaster_id=777", tokens["access_token"], "public").status == 200);
    CHECK(client.helix("users", tokens["access_token"], "sim-app").status == 401);
    CHECK(client.form("/oauth2/token", poll, 400)["message"] == "invalid device code");
    client.post("/_sim/approve", {{"user_code", user_code}, {"account", "777"}}, 400);

    Fields fields{{"grant_type", "refresh_token"},
                  {"client_id", "public"},
                  {"refresh_token", tokens["refresh_token"].get<std::string>()}};
    const auto fresh = client.form("/oauth2/token", fields);
    client.now += std::chrono::hours{30 * 24};  // unused for so long, it dies
    fields["refresh_token"] = fresh["refresh_token"];
    client.form("/oauth2/token", fields, 400);
}

TEST_CASE("Twitch: validation tells of live tokens and is counted") {
    TestClient client;
    const std::string access = grant(client)["access_token"];
    client.now += std::chrono::seconds{24};
    const auto seen = Json::parse(validate(client, access).body);
    CHECK(seen["client_id"] == "sim-app");
    CHECK(seen["user_id"] == "555");
    CHECK(seen["expires_in"] == 14100);
    CHECK(seen["scopes"].size() == 2);
    CHECK(validate(client, "sim.twitch.555").status == 200);
    const auto account = client.get_json("/_sim/grants")["accounts"][0];
    CHECK(account["validations"] == 2);
    CHECK(account["last_validation"] == "2026-11-20T20:00:24Z");

    CHECK(Json::parse(validate(client, "").body)["message"] == "missing authorization token");
    CHECK(client.form("/oauth2/revoke", {{"client_id", "sim-app"}, {"token", access}}).is_null());
    CHECK(validate(client, access).status == 401);
    CHECK(Json::parse(validate(client, access).body)["message"] == "invalid access token");
    CHECK(client.helix("users", access).status == 401);
}

TEST_CASE("Twitch: an application's own token reads what is public") {
    TestClient client;
    const auto tokens =
        client.form("/oauth2/token",
                    {{"grant_type", "client_credentials"}, {"client_id", "sim-app"}, {"client_secret", "sim-secret"}});
    CHECK(!tokens.contains("refresh_token"));
    CHECK(!tokens.contains("scope"));
    const std::string access = tokens["access_token"];
    CHECK(client.helix("clips?broadcaster_id=555&started_at=2026-11-01T00:00:00Z", access).status == 200);
    CHECK(client.helix("users?id=555", access).status == 200);
    CHECK(client.helix("users", access).status == 400);
    CHECK(client.helix("channels/followers?broadcaster_id=555", access).status == 401);
    CHECK(!Json::parse(validate(client, access).body).contains("user_id"));
}

TEST_CASE("Twitch: a missing scope keeps subscribers back, and of followers the list but not the total") {
    TestClient client;
    const auto narrow =
        client.post("/_sim/grant", {{"platform", "twitch"}, {"account", "555"}, {"scopes", Json::array()}});
    const auto subscriptions = client.helix("subscriptions?broadcaster_id=555", narrow["access_token"]);
    CHECK(subscriptions.status == 401);
    CHECK(subscriptions.body.find("channel:read:subscriptions") != std::string::npos);
    const auto followers =
        Json::parse(client.helix("channels/followers?broadcaster_id=555", narrow["access_token"]).body);
    CHECK(followers["total"] > 0);
    CHECK(followers["data"].empty());
}
