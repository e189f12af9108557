// SPDX-License-Identifier: Apache-2.0
// Google's and Snapchat's OAuth: the way to a token, what it may do, and how it ends.
#include "oauth.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

const std::string kScopes =
    "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fyoutube.readonly+https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fyt-analytics."
    "readonly";
const std::string kRedirect = "http://127.0.0.1:7000/back";
const std::string kAuthorize =
    "/o/oauth2/v2/auth?response_type=code&client_id=sim-app&access_type=offline&state=s%261&redirect_uri=" +
    percent_encode(kRedirect) + "&scope=" + kScopes;
const std::string kReport =
    "/v2/reports?ids=channel%3D%3DMINE&startDate=2026-11-01&endDate=2026-11-03&metrics=views&dimensions=day";
const std::string kChannel = "/youtube/v3/channels?part=id&mine=true";

using Fields = std::map<std::string, std::string>;

Fields redeeming(const Query& back) {
    return {{"grant_type", "authorization_code"},
            {"client_id", "sim-app"},
            {"client_secret", "sim-secret"},
            {"redirect_uri", kRedirect},
            {"code", std::string{back.get("code")}}};
}
Fields refreshing(const std::string& token) {
    return {{"grant_type", "refresh_token"},
            {"client_id", "sim-app"},
            {"client_secret", "sim-secret"},
            {"refresh_token", token}};
}

void seat(TestClient& client) {
    client.post("/_sim/person", {{"platform", "youtube"}, {"account", "UC1"}});
}

}  // namespace

TEST_CASE("Google: a code becomes tokens that read the person's channel") {
    TestClient client;
    CHECK(client.get(kAuthorize).content_type.starts_with("text/html"));
    seat(client);
    const auto back = client.authorize(kAuthorize);
    CHECK(back.get("state") == "s&1");
    const auto tokens = client.form("/token", redeeming(back));
    CHECK(tokens["expires_in"] == 3599);
    CHECK(tokens["token_type"] == "Bearer");
    CHECK(tokens["scope"] ==
          "https://www.googleapis.com/auth/youtube.readonly https://www.googleapis.com/auth/yt-analytics.readonly");
    const std::string access = tokens["access_token"];
    CHECK(client.get_json(kChannel, access)["items"][0]["id"] == "UC1");
    CHECK(client.get(kReport, access).body == client.get(kReport, "sim.youtube.UC1").body);
    CHECK(client.form("/token", redeeming(back), 400)["error"] == "invalid_grant");

    client.now += std::chrono::seconds{3599};
    CHECK(client.get(kReport, access).status == 401);
    const auto fresh = client.form("/token", refreshing(tokens["refresh_token"]));
    CHECK(!fresh.contains("refresh_token"));
    CHECK(client.get(kReport, fresh["access_token"]).status == 200);
}

TEST_CASE("Google: a second consent brings no refresh token unless it is asked for") {
    TestClient client;
    seat(client);
    CHECK(client.form("/token", redeeming(client.authorize(kAuthorize))).contains("refresh_token"));
    CHECK(!client.form("/token", redeeming(client.authorize(kAuthorize))).contains("refresh_token"));
    CHECK(client.form("/token", redeeming(client.authorize(kAuthorize + "&prompt=consent"))).contains("refresh_token"));
}

TEST_CASE("Google: the verifier must be what the challenge was made of") {
    CHECK(pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") ==
          "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");  // RFC 7636, appendix B
    TestClient client;
    seat(client);
    const auto back =
        client.authorize(kAuthorize + "&code_challenge_method=S256&code_challenge=" + pkce_challenge("a-verifier"));
    auto fields = redeeming(back);
    CHECK(client.form("/token", fields, 400)["error_description"] == "Missing code verifier.");
    fields["code_verifier"] = "another";
    CHECK(client.form("/token", fields, 400)["error_description"] == "Invalid code verifier.");
    fields["code_verifier"] = "a-verifier";
    client.form("/token", fields);
}

TEST_CASE("Google: wrong applications, codes and redirects have errors of their own") {
    TestClient client;
    seat(client);
    auto fields = redeeming(client.authorize(kAuthorize));
    const auto with = [&](const std::string& name, const std::string& value, unsigned status) {
        auto changed = fields;
        changed[name] = value;
        return client.form("/token", changed, status)["error"].get<std::string>();
    };
    CHECK(with("client_id", "nobody", 401) == "invalid_client");
    CHECK(with("client_secret", "wrong", 401) == "invalid_client");
    CHECK(with("redirect_uri", "http://127.0.0.1:7001/", 400) == "redirect_uri_mismatch");
    CHECK(with("code", "nonsense", 400) == "invalid_grant");
    CHECK(with("grant_type", "password", 400) == "unsupported_grant_type");
    client.form("/token", fields);
    CHECK(client.get("/o/oauth2/v2/auth?response_type=code&client_id=nobody").status == 400);
    CHECK(client.get("/o/oauth2/v2/auth?response_type=code&client_id=sim-app&redirect_uri=urn:ietf:wg:oauth:2.0:oob")
              .status == 400);
    client.post("/_sim/app", {{"client_id", "second"}, {"secret", "2"}});
    const auto granted = client.post("/_sim/grant", {{"platform", "youtube"}, {"account", "UC1"}});
    auto foreign = refreshing(granted["refresh_token"]);
    foreign["client_id"] = "second";
    foreign["client_secret"] = "2";
    CHECK(client.form("/token", foreign, 401)["error"] == "unauthorized_client");
}

TEST_CASE("Google: what was unticked is refused; who unticks all refuses") {
    TestClient client;
    const std::string readonly = "https://www.googleapis.com/auth/youtube.readonly";
    client.post("/_sim/person",
                {{"platform", "youtube"}, {"account", "UC1"}, {"scopes", Json::array({readonly, "email"})}});
    const auto tokens = client.form("/token", redeeming(client.authorize(kAuthorize)));
    CHECK(tokens["scope"] == readonly);
    CHECK(client.get(kChannel, tokens["access_token"]).status == 200);
    const auto refused = client.get_json(kReport, tokens["access_token"], 403);
    CHECK(refused["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
    client.post("/_sim/person", {{"platform", "youtube"}, {"account", "UC1"}, {"scopes", Json::array()}});
    CHECK(client.authorize(kAuthorize).get("error") == "access_denied");
}

TEST_CASE("Google: tokeninfo tells of live tokens; revoking ends the consent") {
    TestClient client;
    const auto granted = client.post("/_sim/grant", {{"platform", "youtube"}, {"account", "UC1"}});
    const std::string access = granted["access_token"];
    client.now += std::chrono::seconds{100};
    const auto info = client.get_json("/tokeninfo?access_token=" + access);
    CHECK(info["expires_in"] == "3499");
    CHECK(info["aud"] == "sim-app");
    client.form("/revoke?token=" + percent_encode(granted["refresh_token"].get<std::string>()), {});
    CHECK(client.get_json("/tokeninfo?access_token=" + access, "", 400)["error"] == "invalid_token");
    CHECK(client.get(kReport, access).status == 401);
    CHECK(client.form("/token", refreshing(granted["refresh_token"]), 400)["error_description"] ==
          "Token has been expired or revoked.");
    client.form("/revoke?token=" + access, {}, 400);
}

TEST_CASE("Snapchat: codes and refreshes, with the refresh token in each answer") {
    TestClient client;
    const std::string authorize =
        "/login/oauth2/authorize?response_type=code&client_id=sim-app&scope=snapchat-marketing-api&state=1&"
        "redirect_uri=";
    client.post("/_sim/person", {{"platform", "snapchat"}, {"account", "ad-1"}});
    CHECK(client.get(authorize + percent_encode(kRedirect)).status == 400);
    const auto back = client.authorize(authorize + percent_encode("https://example.invalid/back"));
    auto fields = redeeming(back);
    fields["redirect_uri"] = "https://example.invalid/back";
    const auto tokens = client.form("/login/oauth2/access_token", fields);
    CHECK(tokens["expires_in"] == 3600);
    CHECK(tokens["scope"] == "snapchat-marketing-api");
    CHECK(client.get("/v1/adaccounts/ad-1", tokens["access_token"]).status == 200);
    const auto fresh = client.form("/login/oauth2/access_token", refreshing(tokens["refresh_token"]));
    CHECK(fresh["refresh_token"] == tokens["refresh_token"]);
    CHECK(client.form("/login/oauth2/access_token", refreshing("nonsense"), 400)["error"] == "invalid_grant");
    fields["client_secret"] = "wrong";
    CHECK(client.form("/login/oauth2/access_token", fields, 401)["error"] == "invalid_client");

    client.post("/_sim/rotation", {{"platform", "snapchat"}, {"mode", "always"}});
    const auto rotated = client.form("/login/oauth2/access_token", refreshing(tokens["refresh_token"]));
    CHECK(rotated["refresh_token"] != tokens["refresh_token"]);
    client.form("/login/oauth2/access_token", refreshing(tokens["refresh_token"]));
    const auto narrow =
        client.post("/_sim/grant",
                    {{"platform", "snapchat"}, {"account", "ad-1"}, {"scopes", Json::array({"snapchat-profile-api"})}});
    CHECK(client.get("/v1/adaccounts/ad-1", narrow["access_token"]).status == 403);
}
