// SPDX-License-Identifier: Apache-2.0
// What goes to the token endpoints of the shipped platforms: every step with its parameters, secrets out of the URL,
// and the addresses that people open.
#include "daemon/platform/token_request.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/daemon/platform/login_fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;

namespace {

/// Everything about a request that reaches the wire, readable in one look.
std::string shown(const HttpRequest& request) {
    auto text = request.method + " " + request.url;
    if (!request.secret_query.empty()) text += " ?" + request.secret_query.reveal();
    if (!request.body.empty()) text += " " + request.body.reveal();
    for (const auto& [name, value] : request.headers) text += fmt::format(" [{}: {}]", name, value.reveal());
    return text;
}

std::string sent(std::string_view platform, std::string_view login, std::string_view step,
                 const TokenValues& values = token_values(), const std::optional<std::string>& base_url = {}) {
    return shown(render_token_request(token_step(platform, login, step), "test", values, base_url));
}

const std::string kForm = " [Content-Type: application/x-www-form-urlencoded]";

std::string authorize(std::string_view platform, std::string_view login, const std::vector<std::string>& scopes,
                      const std::optional<std::string>& base_url = {}) {
    return authorize_url(login_named(platform, login), "app-1", "http://127.0.0.1:8765/", scopes, "st/ate",
                         Secret{kVerifier}, base_url);
}

const std::string kGoesOn = "client_id=app-1&redirect_uri=http%3A%2F%2F127.0.0.1%3A8765%2F";

}  // namespace

TEST_CASE("token requests: both Graph platforms exchange by Facebook Login, secrets apart from the URL") {
    const std::string token = "GET https://graph.facebook.com/v25.0/oauth/access_token?";
    for (const auto* platform : {"facebook", "instagram"}) {
        CAPTURE(platform);
        CHECK(sent(platform, "facebook_login", "code") == token + kGoesOn + " ?client_secret=s3cr%26t&code=c%2F1%2Bx");
        for (const auto* step : {"exchange", "refresh"})
            CHECK(
                sent(platform, "facebook_login", step) ==
                token +
                    "grant_type=fb_exchange_token&client_id=app-1 ?client_secret=s3cr%26t&fb_exchange_token=acc%2Fess");
        CHECK(sent(platform, "facebook_login", "validate") ==
              "GET https://graph.facebook.com/v25.0/debug_token ?input_token=acc%2Fess&access_token=app-1%7Cs3cr%26t");
    }
}

TEST_CASE("token requests: Instagram Login has hosts of its own and needs no secret to renew") {
    CHECK(sent("instagram", "instagram_login", "code") ==
          "POST https://api.instagram.com/oauth/access_token grant_type=authorization_code&client_id=app-1&"
          "client_secret=s3cr%26t&redirect_uri=http%3A%2F%2F127.0.0.1%3A8765%2F&code=c%2F1%2Bx" +
              kForm);
    CHECK(sent("instagram", "instagram_login", "exchange") ==
          "GET https://graph.instagram.com/access_token?grant_type=ig_exchange_token "
          "?client_secret=s3cr%26t&access_token=acc%2Fess");
    auto values = token_values();
    values.app = {};
    CHECK(sent("instagram", "instagram_login", "refresh", values) ==
          "GET https://graph.instagram.com/refresh_access_token?grant_type=ig_refresh_token ?access_token=acc%2Fess");
}

TEST_CASE("token requests: Snapchat's two products share their token endpoint") {
    const std::string token = "POST https://accounts.snapchat.com/login/oauth2/access_token ";
    for (const auto* platform : {"snapchat", "snapchat_profile"}) {
        CAPTURE(platform);
        CHECK(sent(platform, "snapchat", "code") ==
              token +
                  "grant_type=authorization_code&client_id=app-1&client_secret=s3cr%26t&"
                  "redirect_uri=http%3A%2F%2F127.0.0.1%3A8765%2F&code=c%2F1%2Bx" +
                  kForm);
        CHECK(sent(platform, "snapchat", "refresh") == token +
                                                           "grant_type=refresh_token&client_id=app-1&"
                                                           "client_secret=s3cr%26t&refresh_token=re%2Bfresh" +
                                                           kForm);
    }
}

TEST_CASE("token requests: Twitch by code, by device, renewed, and validated with a scheme of its own") {
    const std::string token = "POST https://id.twitch.tv/oauth2/token ";
    CHECK(sent("twitch", "twitch", "code") == token +
                                                  "grant_type=authorization_code&client_id=app-1&"
                                                  "client_secret=s3cr%26t&redirect_uri=http%3A%2F%2F127.0.0.1%3A8765%2F"
                                                  "&code=c%2F1%2Bx" +
                                                  kForm);
    CHECK(sent("twitch", "twitch", "device.start") ==
          "POST https://id.twitch.tv/oauth2/device client_id=app-1&scopes=channel%3Aread%3Asubscriptions" + kForm);
    CHECK(sent("twitch", "twitch", "device.poll") ==
          token +
              "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=app-1&"
              "client_secret=s3cr%26t&device_code=dev%20ice&scopes=channel%3Aread%3Asubscriptions" +
              kForm);
    CHECK(sent("twitch", "twitch", "refresh") ==
          token + "grant_type=refresh_token&client_id=app-1&client_secret=s3cr%26t&refresh_token=re%2Bfresh" + kForm);
    CHECK(sent("twitch", "twitch", "validate") ==
          "GET https://id.twitch.tv/oauth2/validate [Authorization: OAuth acc/ess]");
}

TEST_CASE("token requests: a public client of Twitch sends no secret at all, not an empty one") {
    auto values = token_values();
    values.app.client_secret = Secret{};
    CHECK(sent("twitch", "twitch", "refresh", values) ==
          "POST https://id.twitch.tv/oauth2/token grant_type=refresh_token&client_id=app-1&refresh_token=re%2Bfresh" +
              kForm);
    values.scopes.clear();
    CHECK(sent("twitch", "twitch", "device.start", values) ==
          "POST https://id.twitch.tv/oauth2/device client_id=app-1" + kForm);
}

TEST_CASE("token requests: Google takes the verifier with the code") {
    const std::string token = "POST https://oauth2.googleapis.com/token ";
    CHECK(sent("youtube", "google", "code") ==
          token +
              "grant_type=authorization_code&client_id=app-1&client_secret=s3cr%26t&"
              "redirect_uri=http%3A%2F%2F127.0.0.1%3A8765%2F&code=c%2F1%2Bx&code_verifier=" +
              kVerifier + kForm);
    CHECK(sent("youtube", "google", "refresh") ==
          token + "grant_type=refresh_token&client_id=app-1&client_secret=s3cr%26t&refresh_token=re%2Bfresh" + kForm);
    CHECK(sent("youtube", "google", "validate") ==
          "GET https://oauth2.googleapis.com/tokeninfo ?access_token=acc%2Fess");
}

TEST_CASE("token requests: no step of any shipped login shows a secret, over plain HTTP or in its URL") {
    unsigned steps = 0;
    for_each_token_step([&](const std::string& where, const TokenRequest& step) {
        CAPTURE(where);
        const auto request = render_token_request(step, where, token_values(), {});
        CHECK(request.name == where);
        CHECK(request.url.starts_with("https://"));
        for (const auto* secret : {"s3cr%26t", "acc%2Fess", "re%2Bfresh", "c%2F1%2Bx", "dev%20ice", kVerifier.c_str()})
            CHECK(request.url.find(secret) == std::string::npos);
        CHECK(request.url.find('{') == std::string::npos);
        CHECK(request.body.reveal().find("%7B") == std::string::npos);
        ++steps;
    });
    CHECK(steps == 23);
}

TEST_CASE("token requests: a base URL takes the place of scheme, host and port") {
    CHECK(sent("twitch", "twitch", "validate", token_values(), "http://127.0.0.1:9000") ==
          "GET http://127.0.0.1:9000/oauth2/validate [Authorization: OAuth acc/ess]");
    CHECK(sent("instagram", "instagram_login", "refresh", token_values(), "http://127.0.0.1:9000") ==
          "GET http://127.0.0.1:9000/refresh_access_token?grant_type=ig_refresh_token ?access_token=acc%2Fess");
    CHECK(authorize("snapchat", "snapchat", {}, "http://127.0.0.1:9000") ==
          "http://127.0.0.1:9000/login/oauth2/authorize?response_type=code&" + kGoesOn + "&state=st%2Fate");
}

TEST_CASE("token requests: without a scheme the token stands alone in its header") {
    auto step = token_step("twitch", "twitch", "validate");
    step.header = "Access-Token", step.scheme.clear();
    CHECK(shown(render_token_request(step, "test", token_values(), {})) ==
          "GET https://id.twitch.tv/oauth2/validate [Access-Token: acc/ess]");
}

TEST_CASE("authorize: the page of each login, with state, and PKCE where the login has it") {
    const std::string state = "&state=st%2Fate";
    for (const auto* platform : {"facebook", "instagram"})
        CHECK(authorize(platform, "facebook_login", {"pages_show_list", "read_insights"}) ==
              "https://www.facebook.com/v25.0/dialog/oauth?response_type=code&" + kGoesOn +
                  "&scope=pages_show_list%2Cread_insights" + state);
    CHECK(authorize("instagram", "instagram_login", {"instagram_business_basic"}) ==
          "https://api.instagram.com/oauth/authorize?response_type=code&" + kGoesOn +
              "&scope=instagram_business_basic" + state);
    CHECK(authorize("snapchat_profile", "snapchat", {"a", "b"}) ==
          "https://accounts.snapchat.com/login/oauth2/authorize?response_type=code&" + kGoesOn + "&scope=a%20b" +
              state);
    CHECK(authorize("twitch", "twitch", {}) ==
          "https://id.twitch.tv/oauth2/authorize?response_type=code&" + kGoesOn + state);
    // The challenge of RFC 7636, appendix B.
    CHECK(authorize("youtube", "google", {"x"}) ==
          "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&access_type=offline&prompt=consent&"
          "include_granted_scopes=true&" +
              kGoesOn + "&scope=x" + state +
              "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256");
}

TEST_CASE("scopes: what is always needed and what the requests need, each once and in the file's order") {
    const auto joined = [](std::string_view platform, std::string_view login,
                           const std::vector<std::string>& requests) {
        const auto& found = login_named(platform, login);
        return join_scopes(found, scopes_for(found, requests));
    };
    const std::string google = "https://www.googleapis.com/auth/";
    CHECK(joined("youtube", "google", {"daily"}) == google + "youtube.readonly " + google + "yt-analytics.readonly");
    CHECK(joined("youtube", "google", {"daily", "revenue", "revenue"}) ==
          google + "youtube.readonly " + google + "yt-analytics.readonly " + google + "yt-analytics-monetary.readonly");
    CHECK(joined("twitch", "twitch", {"followers", "clips"}).empty());
    CHECK(joined("twitch", "twitch", {"followers", "subscriptions"}) == "channel:read:subscriptions");
    CHECK(joined("facebook", "facebook_login", {}) == "pages_show_list,pages_read_engagement,read_insights");
    CHECK(joined("instagram", "instagram_login", {"reach"}) ==
          "instagram_business_basic,instagram_business_manage_insights");
    Login login;
    login.scopes = {{"*", {"b", "a"}}, {"x", {"a", "c"}}, {"y", {"c", "b", "d"}}};
    CHECK(join_scopes(login, scopes_for(login, {"y", "x", "unknown"})) == "b a c d");
}

TEST_CASE("a keyed hash is HMAC-SHA256 in lower-case hex") {
    CHECK(keyed_hash(Secret{"secret"}, Secret{"token"}) ==
          "e941110e3d2bfe82621f0e3e1434730d7305d106c5f68c87165d0b27a4611a4a");
    // RFC 4231, test case 2, and a key longer than a block (test case 6).
    CHECK(keyed_hash(Secret{"Jefe"}, Secret{"what do ya want for nothing?"}) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(keyed_hash(Secret{std::string(131, '\xaa')},
                     Secret{"Test Using Larger Than Block-Size Key - Hash Key First"}) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
