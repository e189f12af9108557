// SPDX-License-Identifier: Apache-2.0
// Facebook Login: user tokens short and long, page tokens, debug_token, what missing scopes do.
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

const std::string kApp = "client_id=sim-app&client_secret=sim-secret";
const std::string kRedirect = "https://example.invalid/back";
const std::string kInsights = "/v25.0/777/insights?metric=page_media_view&period=day&since=1794556800&until=1794816000";

std::string dialog(const std::string& scopes) {
    return "/v25.0/dialog/oauth?client_id=sim-app&response_type=code&state=q&redirect_uri=" + kRedirect +
           "&scope=" + scopes;
}
std::string redeem_url(const Query& back) {
    return "/v25.0/oauth/access_token?" + kApp + "&redirect_uri=" + kRedirect +
           "&code=" + std::string{back.get("code")};
}
std::string exchange_url(const std::string& token) {
    return "/v25.0/oauth/access_token?grant_type=fb_exchange_token&" + kApp + "&fb_exchange_token=" + token;
}
Json debug(TestClient& client, const std::string& token) {
    return client.get_json("/v25.0/debug_token?input_token=" + token + "&access_token=sim-app%7Csim-secret")["data"];
}

}  // namespace

TEST_CASE("Facebook: a code becomes a user token, a long one, and page tokens without end") {
    TestClient client;
    client.post("/_sim/person", {{"platform", "facebook"}, {"account", "777"}});
    const auto back = client.authorize(dialog("pages_show_list,pages_read_engagement,read_insights"));
    CHECK(back.get("state") == "q");
    const auto brief = client.get_json(redeem_url(back));
    CHECK(brief["token_type"] == "bearer");
    CHECK(client.get_json(redeem_url(back), "", 400)["error"]["code"] == 100);
    const auto lasting = client.get_json(exchange_url(brief["access_token"]));
    CHECK(lasting["expires_in"] == 5183944);

    const std::string user = lasting["access_token"];
    CHECK(client.get_json(kInsights, user, 400)["error"]["error_subcode"] == 2069032);
    const auto pages = client.get_json("/v25.0/me/accounts?fields=id,name,access_token,tasks", user)["data"];
    REQUIRE(pages.size() == 1);
    CHECK(pages[0]["id"] == "777");
    const std::string page = pages[0]["access_token"];
    CHECK(client.get_json("/v25.0/777?fields=access_token", user)["access_token"] == page);
    const auto numbers = client.get_json(kInsights, page)["data"];
    CHECK(!numbers.empty());
    CHECK(numbers == client.get_json(kInsights, "sim.facebook.777")["data"]);

    const auto seen = debug(client, page);
    CHECK(seen["type"] == "PAGE");
    CHECK(seen["expires_at"] == 0);
    CHECK(seen["profile_id"] == "777");
    CHECK(seen["scopes"].size() == 3);
    CHECK(debug(client, user)["type"] == "USER");
    client.now += std::chrono::seconds{5183944};
    CHECK(client.get_json(exchange_url(user), "", 400)["error"]["error_subcode"] == 463);
    CHECK(client.get(kInsights, page).status == 200);
    CHECK(debug(client, user)["is_valid"] == false);
    CHECK(debug(client, user)["error"]["subcode"] == 463);
}

TEST_CASE("Facebook: without read_insights the answer is empty and not an error") {
    TestClient client;
    client.post(
        "/_sim/person",
        {{"platform", "facebook"}, {"account", "777"}, {"scopes", {"pages_show_list", "pages_read_engagement"}}});
    const auto back = client.authorize(dialog("pages_show_list,pages_read_engagement,read_insights"));
    const std::string user = client.get_json(redeem_url(back))["access_token"];
    const std::string page = client.get_json("/v25.0/me/accounts", user)["data"][0]["access_token"];
    CHECK(client.get(kInsights, page).body == R"({"data":[]})");
    CHECK(client.get("/v25.0/777?fields=followers_count", page).status == 200);
    CHECK(debug(client, page)["scopes"] == Json::array({"pages_show_list", "pages_read_engagement"}));

    const auto narrow = client.post(
        "/_sim/grant",
        {{"platform", "facebook"}, {"account", "777"}, {"login", "page"}, {"scopes", Json::array({"read_insights"})}});
    CHECK(!narrow.contains("expires_at"));
    CHECK(client.get_json("/v25.0/777?fields=followers_count", narrow["access_token"], 403)["error"]["code"] == 200);
}

TEST_CASE("Facebook: wrong applications and secrets are refused in Graph's words") {
    TestClient client;
    CHECK(client.get_json("/v25.0/oauth/access_token?client_id=nobody", "", 400)["error"]["code"] == 101);
    CHECK(client.get_json("/v25.0/oauth/access_token?client_id=sim-app&client_secret=no", "",
                          400)["error"]["message"] == "Error validating client secret.");
    CHECK(client.get_json("/v25.0/debug_token?input_token=sim.facebook.1&access_token=sim-app%7Cno", "",
                          400)["error"]["code"] == 190);
    CHECK(client.get_json("/v25.0/oauth/access_token?" + kApp + "&code=no&redirect_uri=x", "", 400)["error"]["code"] ==
          100);
    CHECK(client.authorize(dialog("everything")).get("error") == "invalid_scope");
}

TEST_CASE("Facebook: an Instagram account is found behind its Page") {
    TestClient client;
    client.post("/_sim/person", {{"platform", "facebook"}, {"account", "777"}});
    client.post("/_sim/person", {{"platform", "instagram"}, {"account", "1784"}});
    const auto back =
        client.authorize(dialog("pages_show_list,pages_read_engagement,instagram_basic,instagram_manage_insights"));
    const std::string user = client.get_json(redeem_url(back))["access_token"];
    const auto pages = client.get_json(
        "/v25.0/me/accounts?fields=id,name,access_token,instagram_business_account%7Bid,username%7D", user)["data"];
    CHECK(pages[0]["instagram_business_account"]["id"] == "1784");
    const std::string page = pages[0]["access_token"];
    for (const auto& token : {user, page})
        CHECK(client.get_json("/v25.0/1784?fields=username", token)["username"] == "user.1784");
}
