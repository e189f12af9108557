// SPDX-License-Identifier: Apache-2.0
// Commands about tokens: granting, expiring, revoking, listing; and what faults do to a refresh.
#include "grants.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

using Fields = std::map<std::string, std::string>;

const std::string kChannel = "/youtube/v3/channels?part=id&mine=true";

Fields refreshing(const Json& granted) {
    return {{"grant_type", "refresh_token"},
            {"client_id", "sim-app"},
            {"client_secret", "sim-secret"},
            {"refresh_token", granted["refresh_token"].get<std::string>()}};
}

}  // namespace

TEST_CASE("a granted token lives as long as commanded; expiring leaves the refresh token, revoking does not") {
    TestClient client;
    const auto granted = client.post("/_sim/grant", {{"platform", "youtube"}, {"account", "UC1"}, {"expires_in", 60}});
    CHECK(granted["expires_at"] == "2026-11-20T20:01:00Z");
    CHECK(client.get(kChannel, granted["access_token"]).status == 200);
    client.now += std::chrono::seconds{60};
    CHECK(client.get(kChannel, granted["access_token"]).status == 401);
    const auto fresh = client.form("/token", refreshing(granted));
    CHECK(client.get(kChannel, fresh["access_token"]).status == 200);
    client.post("/_sim/expire", {{"platform", "youtube"}, {"account", "UC1"}});
    CHECK(client.get(kChannel, fresh["access_token"]).status == 401);
    const auto last = client.form("/token", refreshing(granted));
    client.post("/_sim/revoke", {{"platform", "youtube"}, {"account", "UC1"}});
    CHECK(client.get(kChannel, last["access_token"]).status == 401);
    client.form("/token", refreshing(granted), 400);
    client.post("/_sim/unrevoke", {{"platform", "youtube"}, {"account", "UC1"}});
    client.form("/token", refreshing(granted), 400);
    CHECK(client.get(kChannel, "sim.youtube.UC1").status == 200);
}

TEST_CASE("a refresh token of a project in testing ends, and says when") {
    TestClient client;
    const auto granted =
        client.post("/_sim/grant", {{"platform", "youtube"}, {"account", "UC1"}, {"refresh_expires_in", 604800}});
    client.now += std::chrono::seconds{604799};
    CHECK(client.form("/token", refreshing(granted))["refresh_token_expires_in"] == 1);
    client.now += std::chrono::seconds{1};
    client.form("/token", refreshing(granted), 400);
}

TEST_CASE("grants are listed with what is alive and what was used") {
    TestClient client;
    CHECK(client.get_json("/_sim/grants")["accounts"].empty());
    const auto granted = client.post("/_sim/grant", {{"platform", "youtube"}, {"account", "UC1"}});
    client.form("/token", refreshing(granted));
    auto accounts = client.get_json("/_sim/grants")["accounts"];
    REQUIRE(accounts.size() == 1);
    CHECK(accounts[0]["platform"] == "youtube");
    CHECK(accounts[0]["account"] == "UC1");
    CHECK(accounts[0]["refreshes"] == 1);
    CHECK(accounts[0]["validations"] == 0);
    CHECK(accounts[0]["last_validation"].is_null());
    CHECK(accounts[0]["grants"][0]["access_tokens"] == 2);
    CHECK(accounts[0]["grants"][0]["refreshable"] == true);
    client.post("/_sim/revoke", {{"platform", "youtube"}, {"account", "UC1"}});
    accounts = client.get_json("/_sim/grants")["accounts"];
    CHECK(accounts[0]["grants"].empty());
    CHECK(accounts[0]["refreshes"] == 1);
    client.post("/_sim/reset", Json::object());
    CHECK(client.get_json("/_sim/grants")["accounts"].empty());
}

TEST_CASE("a refused refresh uses nothing up; one whose answer is lost does") {
    TestClient client;
    const auto granted = client.post("/_sim/grant", {{"platform", "twitch"}, {"account", "555"}});
    const auto fault = [&client](const std::string& kind) {
        client.post("/_sim/fault", {{"kind", kind}, {"platform", "twitch"}, {"account", "555"}, {"count", 1}});
    };
    fault("status");
    client.form("/oauth2/token", refreshing(granted), 503);
    const auto second = client.form("/oauth2/token", refreshing(granted));
    fault("empty");
    client.form("/oauth2/token", refreshing(second), 200);
    client.form("/oauth2/token", refreshing(second), 400);
    CHECK(client.simulator.world().grants().reused_refresh_tokens() == 1);
    CHECK(client.get_json("/_sim/stats")["by_platform"]["twitch"] == 4);
}

TEST_CASE("commands about tokens that make no sense are refused") {
    TestClient client;
    client.post("/_sim/grant", {{"platform", "youtube"}, {"account", "a"}, {"login", "page"}}, 400);
    client.post("/_sim/grant", {{"platform", "facebook"}, {"account", "a"}, {"refresh_expires_in", 1}}, 400);
    client.post("/_sim/grant", {{"platform", "twitch"}, {"account", "a"}, {"client_id", "nobody"}}, 400);
    client.post("/_sim/grant", {{"platform", "twitch"}, {"account", "a"}, {"scopes", 1}}, 400);
    client.post("/_sim/rotation", {{"platform", "twitch"}, {"mode", "often"}}, 400);
    client.post("/_sim/rotation", {{"platform", "facebook"}, {"mode", "none"}}, 400);
    client.post("/_sim/approve", {{"user_code", "ABC"}, {"account", "1"}}, 400);
    client.post("/_sim/app", {{"client_id", ""}}, 400);
    client.post("/_sim/refresh-age", Json::object(), 400);
}
