// SPDX-License-Identifier: Apache-2.0
// What token endpoints answer, as their platforms write it: tokens, lives, scopes and refusals.
#include <doctest/doctest.h>

#include "common/error.hpp"
#include "daemon/platform/classify.hpp"
#include "tests/daemon/platform/login_fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;
using namespace std::chrono_literals;

namespace {

const auto kNow = at("2026-11-21T12:00:00Z");

using Scopes = std::set<std::string>;

TokenAnswer answered(std::string_view platform, std::string_view login, std::string_view step, std::string_view body) {
    return read_token_answer(token_step(platform, login, step), body, kNow);
}

TokenState validated(std::string_view platform, std::string_view login, std::string_view body) {
    return read_validation(login_named(platform, login).validate.value(), body, kNow);
}

}  // namespace

TEST_CASE("token answers: Google's renewal brings no refresh token, its scopes are one text") {
    const auto token = answered("youtube", "google", "refresh",
                                R"({"access_token": "ya29.x", "expires_in": 3599, "token_type": "Bearer",
        "scope": "https://www.googleapis.com/auth/youtube.readonly https://www.googleapis.com/auth/yt-analytics.readonly"})");
    CHECK(token.access_token.reveal() == "ya29.x");
    CHECK(token.refresh_token.empty());
    CHECK(token.expires_at == kNow + 3599s);
    CHECK(token.scopes == Scopes{"https://www.googleapis.com/auth/youtube.readonly",
                                 "https://www.googleapis.com/auth/yt-analytics.readonly"});
}

TEST_CASE("token answers: Twitch writes scopes as a list and rotates") {
    const auto token = answered("twitch", "twitch", "device.poll",
                                R"({"access_token": "u", "refresh_token": "r2", "expires_in": 14124,
        "scope": ["channel:read:subscriptions", "moderator:read:followers"], "token_type": "bearer"})");
    CHECK(token.refresh_token.reveal() == "r2");
    CHECK(token.expires_at == kNow + 14124s);
    CHECK(token.scopes == Scopes{"channel:read:subscriptions", "moderator:read:followers"});
    CHECK_FALSE(answered("twitch", "twitch", "refresh", R"({"access_token": "u", "scope": null})").scopes);
    CHECK(answered("twitch", "twitch", "refresh", R"({"access_token": "u", "scope": []})").scopes == Scopes{});
}

TEST_CASE("token answers: Instagram's plain and wrapped forms tell the same") {
    const std::string object = R"({"access_token": "IG", "user_id": 17, "permissions": )";
    for (const auto& body :
         {object + R"("instagram_business_basic,instagram_business_manage_insights"})",
          object + R"(["instagram_business_basic", "instagram_business_manage_insights"]})",
          R"({"data": [)" + object + R"("instagram_business_basic,instagram_business_manage_insights"}]})"}) {
        CAPTURE(body);
        const auto token = answered("instagram", "instagram_login", "code", body);
        CHECK(token.access_token.reveal() == "IG");
        CHECK_FALSE(token.expires_at);
        CHECK(token.scopes == Scopes{"instagram_business_basic", "instagram_business_manage_insights"});
    }
    CHECK(answered("instagram", "instagram_login", "exchange",
                   R"({"access_token": "long", "token_type": "bearer", "expires_in": 5183944})")
              .expires_at == kNow + 5183944s);
}

TEST_CASE("token answers: Facebook may not tell how long a token lives") {
    CHECK(answered("facebook", "facebook_login", "exchange", R"({"access_token": "EAAG", "expires_in": 5183944})")
              .expires_at == kNow + 5183944s);
    const auto silent =
        answered("facebook", "facebook_login", "exchange", R"({"access_token": "EAAG", "token_type": "bearer"})");
    CHECK_FALSE(silent.expires_at);
    CHECK_FALSE(silent.scopes);
    CHECK(silent.refresh_token.empty());
}

TEST_CASE("token answers: Snapchat's texts, numbers as texts, and a refresh token that may change") {
    const auto token = answered("snapchat", "snapchat", "refresh", R"({"access_token": "a", "token_type": "Bearer",
        "expires_in": "1800", "refresh_token": "example-refresh-token", "scope": "snapchat-marketing-api"})");
    CHECK(token.expires_at == kNow + 30min);
    CHECK(token.refresh_token.reveal() == "example-refresh-token");
    CHECK(token.scopes == Scopes{"snapchat-marketing-api"});
}

TEST_CASE("token answers: without a usable token there is an error that quotes nothing of the answer") {
    for (const auto* body :
         {R"({"refresh_token": "hidden-one"})", R"({"access_token": ""})", R"({"access_token": null})",
          R"({"access_token": {"a": "hidden-one"}})", R"({"access_token": "hidden-one\r\nX-Evil: 1"})", "hidden-one",
          "", "[]", "\"hidden-one\"", "<html>hidden-one</html>"}) {
        CAPTURE(body);
        try {
            answered("snapchat", "snapchat", "code", body);
            FAIL("was taken");
        } catch (const Error& error) {
            CHECK(error.fault() == Fault::failed);
            CHECK(describe(error).find("hidden-one") == std::string::npos);
        }
    }
    const auto long_one = R"({"access_token": ")" + std::string(8193, 'a') + R"("})";
    CHECK_THROWS_AS(answered("snapchat", "snapchat", "code", long_one), Error);
}

TEST_CASE("token answers: a life that makes no sense is not known") {
    for (const auto* life : {"-1", "0", "1e3", "\"soon\"", "null", "[3600]", "9999999999999", "400000000", "\"\""}) {
        CAPTURE(life);
        const auto body = std::string{R"({"access_token": "a", "expires_in": )"} + life + "}";
        CHECK_FALSE(answered("snapchat", "snapchat", "refresh", body).expires_at);
    }
}

TEST_CASE("validation: debug_token tells scopes and when the token ends, 0 is never") {
    const auto body = [](const std::string& end) {
        return R"({"data": {"app_id": "900000000000001", "type": "PAGE", "data_access_expires_at": 1802592000, "expires_at": )" +
               end +
               R"(, "is_valid": true, "issued_at": 1794816000, "scopes": ["pages_show_list", "read_insights"],
               "granular_scopes": [{"scope": "read_insights"}]}})";
    };
    for (const auto* platform : {"facebook", "instagram"}) {
        const auto never = validated(platform, "facebook_login", body("0"));
        CHECK_FALSE(never.expires_at);
        CHECK(never.scopes == Scopes{"pages_show_list", "read_insights"});
        CHECK(validated(platform, "facebook_login", body("1800000000")).expires_at == at("2027-01-15T08:00:00Z"));
    }
}

TEST_CASE("validation: Twitch and Google tell what is left") {
    const auto twitch = validated("twitch", "twitch", R"({"client_id": "example", "login": "examplestreamer",
        "scopes": ["channel:read:subscriptions"], "user_id": "555000111", "expires_in": 13982})");
    CHECK(twitch.expires_at == kNow + 13982s);
    CHECK(twitch.scopes == Scopes{"channel:read:subscriptions"});
    CHECK_FALSE(validated("twitch", "twitch", R"({"scopes": null, "expires_in": 10})").scopes);
    const auto google = validated("youtube", "google", R"({"aud": "app-1", "scope": "a b", "expires_in": "3000"})");
    CHECK(google.expires_at == kNow + 50min);
    CHECK(google.scopes == Scopes{"a", "b"});
    CHECK_THROWS_AS(validated("youtube", "google", "<html>"), Error);
}

TEST_CASE("device flow: what the person must open, with the platform's pace inside sane bounds") {
    const auto& device = login_named("twitch", "twitch").device.value();
    const auto start = read_device_start(device, R"({"device_code": "d", "expires_in": 1800, "interval": 5,
        "user_code": "ABCDEFGH", "verification_uri": "https://www.twitch.tv/activate?device-code=ABCDEFGH"})");
    CHECK(start.device_code.reveal() == "d");
    CHECK(start.user_code == "ABCDEFGH");
    CHECK(start.verification_uri == "https://www.twitch.tv/activate?device-code=ABCDEFGH");
    CHECK(start.interval == 5s);
    CHECK(start.expires_in == 30min);
    const auto told = [&](const std::string& more) {
        return read_device_start(device,
                                 R"({"device_code": "d", "user_code": "A", "verification_uri": "u")" + more + "}");
    };
    CHECK(told("").interval == 5s);
    CHECK(told("").expires_in == 10min);
    CHECK(told(R"(, "interval": 0, "expires_in": 1)").interval == 1s);
    CHECK(told(R"(, "interval": 0, "expires_in": 1)").expires_in == 30s);
    CHECK(told(R"(, "interval": 86400, "expires_in": 864000)").interval == 1min);
    CHECK(told(R"(, "interval": 86400, "expires_in": 864000)").expires_in == 1h);
    for (const auto* body :
         {R"({"user_code": "A", "verification_uri": "u"})", R"({"device_code": "d", "verification_uri": "u"})",
          R"({"device_code": "d", "user_code": "A"})", "[]", ""})
        CHECK_THROWS_AS(read_device_start(device, body), Error);
}

TEST_CASE("refusals of token endpoints mean what the platforms say") {
    struct Case {
        const char *platform, *login;
        int status;
        const char* body;
        Outcome outcome;
    };
    const Case cases[] = {
        {"youtube", "google", 400,
         R"({"error": "invalid_grant", "error_description": "Token has been expired or revoked."})",
         Outcome::reauthorize},
        {"youtube", "google", 401, R"({"error": "invalid_client"})", Outcome::bug},
        {"youtube", "google", 400, R"({"error": "invalid_token", "error_description": "Invalid Value"})",
         Outcome::reauthorize},
        {"youtube", "google", 400, R"({"error": "redirect_uri_mismatch"})", Outcome::bug},
        {"youtube", "google", 500, R"({"error": "internal_failure"})", Outcome::retry},
        {"youtube", "google", 503, R"({"error": {"code": 503, "status": "UNAVAILABLE"}})", Outcome::retry},
        {"snapchat", "snapchat", 400, R"({"error": "invalid_grant", "error_description": "x"})", Outcome::reauthorize},
        {"snapchat", "snapchat", 401, R"({"error": "invalid_grant"})", Outcome::reauthorize},
        {"snapchat", "snapchat", 401, R"({"error": "unauthorized_client"})", Outcome::bug},
        {"snapchat_profile", "snapchat", 401, R"({"error": "invalid_client"})", Outcome::bug},
        {"snapchat", "snapchat", 503, "", Outcome::retry},
        {"snapchat", "snapchat", 429, "", Outcome::wait},
        {"twitch", "twitch", 400, R"({"status": 400, "message": "Invalid refresh token"})", Outcome::reauthorize},
        {"twitch", "twitch", 400, R"({"status": 400, "message": "missing refresh token"})", Outcome::bug},
        {"twitch", "twitch", 400, R"({"status": 400, "message": "invalid client"})", Outcome::bug},
        {"twitch", "twitch", 403, R"({"status": 403, "message": "invalid client secret"})", Outcome::bug},
        {"twitch", "twitch", 401, R"({"status": 401, "message": "invalid access token"})", Outcome::reauthorize},
        {"twitch", "twitch", 400, R"({"status": 400, "message": "authorization_pending"})", Outcome::wait},
        {"twitch", "twitch", 400, R"({"status": 400, "message": "slow_down"})", Outcome::wait},
        {"twitch", "twitch", 400, R"({"status": 400, "message": "invalid device code"})", Outcome::reauthorize},
        {"twitch", "twitch", 503, "<html>", Outcome::retry},
        {"facebook", "facebook_login", 200,
         R"({"data": {"error": {"code": 190, "message": "…", "subcode": 460}, "is_valid": false, "scopes": []}})",
         Outcome::reauthorize},
        {"facebook", "facebook_login", 200, R"({"data": {"is_valid": false, "scopes": []}})", Outcome::reauthorize},
        {"facebook", "facebook_login", 200, R"({"data": {"is_valid": true, "expires_at": 0, "scopes": []}})",
         Outcome::ok},
        {"facebook", "facebook_login", 400, R"({"error": {"code": 190, "error_subcode": 463, "message": "expired"}})",
         Outcome::reauthorize},
        {"facebook", "facebook_login", 400, R"({"error": {"code": 102, "message": "Session key invalid"}})",
         Outcome::reauthorize},
        {"facebook", "facebook_login", 400,
         R"({"error": {"code": 100, "message": "Invalid verification code format."}})", Outcome::reauthorize},
        {"facebook", "facebook_login", 400,
         R"({"error": {"code": 100, "message": "This authorization code has been used."}})", Outcome::reauthorize},
        {"facebook", "facebook_login", 400, R"({"error": {"code": 101, "message": "Error validating application."}})",
         Outcome::bug},
        {"facebook", "facebook_login", 400, R"({"error": {"code": 1, "message": "Error validating client secret."}})",
         Outcome::bug},
        {"facebook", "facebook_login", 500, R"({"error": {"code": 2, "message": "try again"}})", Outcome::retry},
        {"facebook", "facebook_login", 400, R"({"error": {"code": 4, "message": "limit"}})", Outcome::wait},
        {"instagram", "facebook_login", 400, R"({"error": {"code": 190, "message": "x"}})", Outcome::reauthorize},
        {"instagram", "instagram_login", 400,
         R"({"error_type": "OAuthException", "code": 400, "error_message": "Invalid platform app"})", Outcome::bug},
        {"instagram", "instagram_login", 400,
         R"({"error_type": "OAuthException", "code": 400, "error_message": "Invalid authorization code"})",
         Outcome::reauthorize},
        {"instagram", "instagram_login", 400, R"({"error": {"code": 190, "message": "expired"}})",
         Outcome::reauthorize},
        {"instagram", "instagram_login", 500, R"({"error": {"code": 2, "message": "x"}})", Outcome::retry},
        {"instagram", "instagram_login", 200, R"({"access_token": "a", "expires_in": 5183944})", Outcome::ok},
    };
    for (const auto& c : cases) {
        CAPTURE(c.platform);
        CAPTURE(c.body);
        const auto verdict =
            classify(login_named(c.platform, c.login), {.status = c.status, .headers = {}, .body = c.body}, kNow);
        CHECK(to_text(verdict.outcome) == to_text(c.outcome));
        CHECK((verdict.outcome != Outcome::wait || verdict.wait >= 5s));
    }
}
