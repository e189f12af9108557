// SPDX-License-Identifier: Apache-2.0
// The `auth` section of a platform file: what becomes of it, and how its mistakes are told.
#include <doctest/doctest.h>

#include "common/error.hpp"
#include "tests/daemon/platform/login_fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;
using namespace std::chrono_literals;

namespace {

const std::string kFile = R"yaml(platform: demo
title: Demo
source: social_media
api: { base_url: "https://api.demo.example", version: v3 }
auth:
  headers: { Client-Id: "{client_id}", X-Kind: plain }
  proof: proof
  logins:
    web:
      base_url: https://web.demo.example
      proof: false
      scopes: { "*": [read], stats: [insights, read] }
      scope_separator: ","
      authorize: { url: "https://www.demo.example/{version}/login", query: { response_type: code }, pkce: true }
      code:
        path: /{version}/token
        form: { client_id: "{client_id}", code: "{code}", code_verifier: "{code_verifier}" }
        answer: { access_token: [/a, /data/0/a], scope: /s }
      exchange: { method: GET, path: /exchange, query: { token: "{access_token}" } }
      refresh: { before: 20d, min_age: 24h, path: /token, form: { token: "{refresh_token}" } }
      validate: { every: 1h, method: GET, path: /validate, header: X-Auth, scheme: OAuth }
      reverify: 25d
      errors:
        code: /c
        message: /m
        rules:
          - { code: 7, then: reauthorize }
    box:
      device:
        start: { base_url: "https://id.demo.example", path: /device, form: { scopes: "{scopes}" }, interval: /pace }
        poll: { path: /token, form: { device: "{device_code}" } }
      refresh: { before: 5m, path: /token, query: { token: "{access_token}" }, answer: { expires_at: /until } }
day: { zone: UTC, final_after: 48h, history: 90d }
metrics: { followers: { unit: count } }
requests:
  stats:
    every: slot
    window: now
    path: /{account}
    rows: { shape: object, at: "" }
    metrics: [followers]
errors: { message: /m, rules: [] }
)yaml";

/// The complaint after one change; "" when there is none.
std::string complaint(const std::string& from, const std::string& to) {
    auto text = kFile;
    const auto where = text.find(from);
    REQUIRE_MESSAGE(where != std::string::npos, from);
    text.replace(where, from.size(), to);
    try {
        load_platform(YamlNode::parse(text, "demo.yaml"));
        return {};
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::config);
        return describe(error);
    }
}

}  // namespace

TEST_CASE("logins: a whole section becomes a model") {
    const auto platform = load_platform(YamlNode::parse(kFile, "demo.yaml"));
    const auto& auth = platform.auth;
    CHECK(auth.proof == "proof");
    CHECK(auth.headers ==
          std::vector<std::pair<std::string, std::string>>{{"Client-Id", "{client_id}"}, {"X-Kind", "plain"}});
    REQUIRE(auth.logins.size() == 2);
    const auto& web = auth.logins[0];
    CHECK(web.name == "web");
    CHECK(web.base_url == "https://web.demo.example");
    CHECK_FALSE(web.proof);
    CHECK(web.scope_separator == ",");
    CHECK(scopes_for(web, {"stats"}) == std::vector<std::string>{"read", "insights"});
    CHECK(web.authorize.value().url == "https://www.demo.example/v3/login");
    CHECK(web.authorize.value().pkce);
    CHECK(web.code.value().method == "POST");
    CHECK(web.code.value().base_url == "https://api.demo.example");
    CHECK(web.code.value().path == "/v3/token");
    CHECK(web.code.value().access_token.size() == 2);
    CHECK(web.code.value().refresh_token.front().text() == "/refresh_token");
    CHECK(web.code.value().expires_in.front().text() == "/expires_in");
    CHECK(web.code.value().expires_at.empty());
    CHECK(web.code.value().scope.front().text() == "/s");
    CHECK(web.exchange.value().method == "GET");
    CHECK(web.refresh.value().before == 20 * 24h);
    CHECK(web.refresh.value().min_age == 24h);
    CHECK(web.refresh.value().needs_refresh_token);
    CHECK(web.validate.value().every == 1h);
    CHECK(web.validate.value().request.scheme == "OAuth");
    CHECK(web.reverify == 25 * 24h);
    CHECK(web.errors.rules.size() == 1);
    const auto& box = auth.logins[1];
    CHECK(box.proof);
    CHECK_FALSE(box.authorize);
    CHECK(box.base_url.empty());
    CHECK(box.scope_separator == " ");
    CHECK_FALSE(box.refresh.value().needs_refresh_token);
    CHECK(box.refresh.value().min_age == 0ms);
    CHECK(box.refresh.value().request.expires_at.front().text() == "/until");
    CHECK(box.device.value().start.base_url == "https://id.demo.example");
    CHECK(box.device.value().interval.front().text() == "/pace");
    CHECK(box.device.value().user_code.front().text() == "/user_code");
    CHECK(box.device.value().verification_uri.front().text() == "/verification_uri");
    CHECK(box.device.value().device_code.front().text() == "/device_code");
    CHECK(box.device.value().expires_in.front().text() == "/expires_in");
    CHECK(box.errors.rules.size() == 4);  // those of RFC 6749
}

TEST_CASE("logins: a connection's attributes choose one, the first is the default") {
    const auto platform = load_platform(YamlNode::parse(kFile, "demo.yaml"));
    const auto name = [&](const std::map<std::string, std::string>& attributes) {
        return platform.auth.login_of(attributes)->name;
    };
    CHECK(name({}) == "web");
    CHECK(name({{"login", "box"}}) == "box");
    CHECK(name({{"app", "box"}}) == "box");
    CHECK(name({{"app", "own"}}) == "web");
    CHECK(name({{"login", "web"}, {"app", "box"}}) == "web");
    CHECK(Auth{}.login_of({{"login", "box"}}) == nullptr);
}

TEST_CASE("logins: mistakes are told with line, path and hint") {
    struct Case {
        std::string from, to, message;
    };
    const Case cases[] = {
        {"  proof: proof", "  prof: proof", "demo.yaml:7: auth.prof: unknown key\n  hint: Did you mean 'proof'?"},
        {"  proof: proof\n", "", "auth.logins.web.proof: there is no proof to take or leave"},
        {"proof: proof", "proof: a-b", "demo.yaml:7: auth.proof: not a name: 'a-b'"},
        {"X-Kind: plain", "\"X Kind\": plain", "demo.yaml:6: auth.headers.X Kind: not the name of a header: 'X Kind'"},
        {"X-Kind: plain", "X-Kind: \"{secret}\"", "auth.headers.X-Kind: '{secret}' is not known here"},
        {"X-Kind: plain", "X-Kind: \"a\\nb\"", "must be one line"},
        {"X-Kind: plain", "authorization: plain", "the token goes there"},
        {"    web:", "    we-b:", "auth.logins.we-b: not a name"},
        {"proof: false", "proof: maybe", "demo.yaml:11: auth.logins.web.proof:"},
        {"base_url: https://web", "base_url: http://web", "http is allowed to loopback only"},
        {"stats: [insights", "stat: [insights",
         "demo.yaml:12: auth.logins.web.scopes.stat: there is no request 'stat'\n  hint: Name a request, or write "
         "\"*\""},
        {"[insights, read]", "\"insights read\"", "not one scope: 'insights read'\n  hint: Write a list"},
        {"scope_separator: \",\"", "scope_separator: \";\"",
         "demo.yaml:13: auth.logins.web.scope_separator: must be \" \" or \",\""},
        {"https://www.demo.example/{version}/login", "/login", "not the address of a page: '/login'"},
        {"https://www.demo.example/{version}/login", "https://www.demo.example", "not the address of a page"},
        {"https://www.demo.example/{version}/login", "https://www.demo.example/login?a=b", "parameters go to 'query'"},
        {"https://www.demo.example/{version}/login", "http://www.demo.example/login",
         "http is allowed to loopback only"},
        {", version: v3 }", " }", "there is no version to fill in"},
        {"response_type: code }", "response_type: code, state: x }",
         "auth.logins.web.authorize.query.state: 'state' is added by the flow itself"},
        {"response_type: code }", "response_type: \"{code}\" }",
         "'{code}' is not known here\n  hint: Only {version} can be filled in here."},
        {", pkce: true", "", "demo.yaml:16: auth.logins.web.code: 'pkce' and {code_verifier} belong together"},
        {", code_verifier: \"{code_verifier}\"", "", "'pkce' and {code_verifier} belong together"},
        {"code: \"{code}\", ", "", "auth.logins.web.code: does not send {code}"},
        {"code: \"{code}\"", "code: \"{refresh_token}\"", "'{refresh_token}' is not known here"},
        {"code: \"{code}\"", "code: \"{code\"", "is not known here"},
        {"path: /{version}/token", "path: token", "not a path: 'token'"},
        {"path: /{version}/token", "path: /{account}/token", "'{account}' is not known here"},
        {"path: /{version}/token\n", "\n", "'path' is missing"},
        {"/data/0/a]", "data]", "not a JSON pointer: 'data'"},
        {"answer: { access_token", "answer: { acess_token", "Did you mean 'access_token'?"},
        {"method: GET, path: /exchange, query", "method: GET, path: /exchange, form", "a GET request has no form"},
        {"method: GET, path: /exchange", "method: PUT, path: /exchange", "'PUT' is not known here"},
        {"query: { token: \"{access_token}\" } }\n      refresh", "query: { a: b } }\n      refresh",
         "auth.logins.web.exchange: does not send {access_token}"},
        {"form: { token: \"{refresh_token}\" }", "form: { a: b }", "auth.logins.web.refresh: sends no token"},
        {"before: 20d, ", "", "'before' is missing"},
        {"before: 20d", "before: soon", "not a duration: 'soon'"},
        {"every: 1h", "every: 1m", "auth.logins.web.validate.every: shorter than 10 minutes"},
        {", header: X-Auth, scheme: OAuth", "", "auth.logins.web.validate: sends no token"},
        {"header: X-Auth, ", "", "auth.logins.web.validate.scheme: there is no header for it"},
        {"header: X-Auth", "header: \"X Auth\"", "not the name of a header"},
        {"reverify: 25d", "reverify: 12h", "auth.logins.web.reverify: shorter than a day"},
        {"then: reauthorize", "then: explode", "auth.logins.web.errors.rules[0].then: 'explode' is not known here"},
        {"    box:\n", "    box:\n      reverify: 2d\n", ""},
        {"    box:\n", "    box:\n      authorize: { url: \"https://x.example/a\" }\n",
         "auth.logins.box: 'authorize' and 'code' belong together"},
        {"    box:\n", "    box:\n      exchange: { path: /x, form: { a: \"{access_token}\" } }\n",
         "auth.logins.box.exchange: there is no 'code' before it"},
        {"scopes: \"{scopes}\"", "scopes: \"{client_secret}\"", "'{client_secret}' is not known here"},
        {"{ device: \"{device_code}\" }", "{ device: code }",
         "auth.logins.box.device.poll: does not send {device_code}"},
        {"interval: /pace", "intervall: /pace", "Did you mean 'interval'?"},
    };
    for (const auto& [from, to, message] : cases) {
        CAPTURE(from);
        CAPTURE(to);
        const auto told = complaint(from, to);
        CAPTURE(told);
        CHECK((message.empty() ? told.empty() : told.find(message) != std::string::npos));
    }
}

TEST_CASE("logins: one that verifies needs something to verify with") {
    CHECK(complaint(
              "      refresh: { before: 5m, path: /token, query: { token: \"{access_token}\" }, answer: { expires_at: "
              "/until } }\n",
              "      reverify: 2d\n")
              .find("there is nothing to verify with") != std::string::npos);
}
