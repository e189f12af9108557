// SPDX-License-Identifier: Apache-2.0
// The ends of a login's life: the address a person pasted, when a new token is due, and the pace of RFC 6749 answers.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "common/error.hpp"
#include "daemon/platform/classify.hpp"
#include "tests/daemon/platform/login_fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;
using namespace std::chrono_literals;

namespace {

const auto kNow = at("2026-11-21T12:00:00Z");

std::string pasted(std::string_view text, std::string_view state = "st/ate") {
    try {
        return "took " + code_from_redirect(text, state).reveal();
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::usage);
        return error.what();
    }
}

Login with_margin(std::chrono::milliseconds before, std::chrono::milliseconds min_age = 0ms) {
    Login login;
    login.refresh = Login::Refresh{.request = {}, .before = before, .min_age = min_age};
    return login;
}

}  // namespace

TEST_CASE("pasted: the whole address, with what Meta hangs on, or the bare code") {
    const struct {
        const char *text, *code;
    } cases[] = {
        {"https://host/cb?code=AQ%2Fb%2Bc&state=st%2Fate", "AQ/b+c"},
        {"https://host/cb?code=AQB&state=st%2Fate#_", "AQB"},
        {"https://host/cb?code=AQB&state=st%2Fate#_=_", "AQB"},
        {"  http://127.0.0.1:8765/?state=st/ate&code=4/0Ab_c-d&scope=a%20b\r\n", "4/0Ab_c-d"},
        {"?code=x&state=st%2Fate", "x"},
        {"code=x&state=st%2Fate", "x"},
        {"state=st%2Fate&code=x", "x"},
        {"AQB-bare_code", "AQB-bare_code"},
        {"AQB#_", "AQB"},
        {"AQB#_=_", "AQB"},
        {"4%2F0Ab", "4/0Ab"},
        {"4/0A+b==", "4/0A+b=="},
        {"100%", "100%"},
        {"a%zz", "a%zz"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        CHECK(pasted(c.text) == std::string{"took "} + c.code);
    }
}

TEST_CASE("pasted: a refusal, another login's address, or nothing to use") {
    CHECK(pasted("https://host/cb?error=access_denied&error_description=The+user+denied&state=st%2Fate") ==
          "the login was refused: access_denied: The user denied");
    CHECK(pasted("https://host/cb?error=access_denied&error_reason=user_denied#_=_") ==
          "the login was refused: access_denied");
    CHECK(pasted("https://host/cb?code=AQB&state=other") ==
          "the address belongs to another login: its 'state' differs");
    CHECK(pasted("https://host/cb?code=AQB") == "the address belongs to another login: its 'state' differs");
    CHECK(pasted("code=AQB") == "the address belongs to another login: its 'state' differs");
    const std::string no_code = "there is no code in what was pasted";
    for (const auto* text : {"https://host/cb?state=st%2Fate",
                             "https://host/cb?state=st%2Fate&code=", "https://host/cb", "two words", "#_"}) {
        CAPTURE(text);
        CHECK(pasted(text) == no_code);
    }
    for (const auto* text : {"", " \t\r\n"}) CHECK(pasted(text) == "nothing was pasted");
    // What a page may have put there must not reach a terminal, and a code never a message.
    const auto told = pasted("https://host/?error=%1b%5B31mred&error_description=access_token%3DEAAGsecret");
    CHECK(told.find('\x1b') == std::string::npos);
    CHECK(told.find("EAAGsecret") == std::string::npos);
    CHECK(pasted("https://host/?code=AQBsecret&state=x").find("AQBsecret") == std::string::npos);
}

TEST_CASE("a refresh is due when less than the margin is left") {
    const auto login = with_margin(20 * 24h, 24h);
    const auto issued = kNow, ends = kNow + 60 * 24h;
    CHECK(next_refresh(login, issued, ends) == ends - 20 * 24h);
    CHECK_FALSE(refresh_due(login, issued, ends, ends - 20 * 24h - 1us));
    CHECK(refresh_due(login, issued, ends, ends - 20 * 24h));
    CHECK(refresh_due(login, issued, ends, ends + 24h));
    CHECK(next_refresh(login, {}, ends) == ends - 20 * 24h);
    CHECK_FALSE(next_refresh(login, issued, {}));
    CHECK_FALSE(refresh_due(login, issued, {}, kNow + 3650 * 24h));
    CHECK_FALSE(next_refresh(Login{}, issued, ends));
    CHECK_FALSE(refresh_due(Login{}, issued, ends, ends));
}

TEST_CASE("a refresh waits for the least age that the platform wants") {
    const auto login = with_margin(20 * 24h, 24h);
    // Connected with a token that has ten days left: its age is not known, so it counts from now.
    CHECK(next_refresh(login, kNow, kNow + 30h) == kNow + 24h);
    CHECK_FALSE(refresh_due(login, kNow, kNow + 20h, kNow + 23h));
    CHECK(refresh_due(login, kNow, kNow + 20h, kNow + 24h));
}

TEST_CASE("a token that lives about as long as the margin is not renewed over and over") {
    const auto login = with_margin(10min);
    for (const std::chrono::seconds life : {1min, 5min, 10min, 11min, 19min}) {
        CAPTURE(life.count());
        CHECK(next_refresh(login, kNow, kNow + life) == kNow + life * 4 / 5);
        CHECK_FALSE(refresh_due(login, kNow, kNow + life, kNow));
    }
    CHECK(next_refresh(login, kNow, kNow + 20min) == kNow + 10min);
    CHECK(next_refresh(login, {}, kNow + 5min) == kNow - 5min);  // nobody knows how old it is: now
}

TEST_CASE("a renewed token is never due at once, and due before it ends") {
    CHECK(rc::check([] {
        const auto before = std::chrono::seconds{*rc::gen::inRange(1, 100'000)};
        const auto life = std::chrono::seconds{*rc::gen::inRange(10, 10'000'000)};
        const auto login = with_margin(before);
        RC_ASSERT(!refresh_due(login, kNow, kNow + life, kNow + life / 2 - 1s));
        RC_ASSERT(
            refresh_due(login, kNow, kNow + life, kNow + life - std::min<std::chrono::seconds>(before, life / 5)));
    }));
}

TEST_CASE("the standard refusals: waiting for a person keeps the pace of RFC 8628") {
    const auto& login = login_named("youtube", "google");
    for (const auto* code : {"authorization_pending", "slow_down"}) {
        const auto verdict = classify(
            login, {.status = 400, .headers = {}, .body = std::string{R"({"error": ")"} + code + R"("})"}, kNow);
        CHECK(verdict.outcome == Outcome::wait);
        CHECK(verdict.wait == 5s);
        CHECK(verdict.code == code);
    }
    const auto patient = classify(
        login, {.status = 429, .headers = {{"Retry-After", "120"}}, .body = R"({"error": "slow_down"})"}, kNow);
    CHECK(patient.wait == 2min);
    const auto told = classify(
        login, {.status = 400, .headers = {}, .body = R"({"error": "invalid_grant", "error_description": "gone"})"},
        kNow);
    CHECK(told.code == "invalid_grant");
    CHECK(told.message == "gone");
    for (const auto* code : {"expired_token", "access_denied", "invalid_token"})
        CHECK(classify(login, {.status = 400, .headers = {}, .body = std::string{R"({"error": ")"} + code + R"("})"},
                       kNow)
                  .outcome == Outcome::reauthorize);
    for (const auto* code : {"temporarily_unavailable", "server_error"})
        CHECK(classify(login, {.status = 400, .headers = {}, .body = std::string{R"({"error": ")"} + code + R"("})"},
                       kNow)
                  .outcome == Outcome::retry);
    for (const auto* code : {"invalid_request", "unsupported_grant_type", "invalid_scope", "unauthorized_client"})
        CHECK(classify(login, {.status = 401, .headers = {}, .body = std::string{R"({"error": ")"} + code + R"("})"},
                       kNow)
                  .outcome == Outcome::bug);
}
