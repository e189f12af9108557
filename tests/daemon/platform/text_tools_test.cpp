// SPDX-License-Identifier: Apache-2.0
// Pointers, redaction and Retry-After.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "daemon/platform/json_path.hpp"
#include "daemon/platform/redact.hpp"
#include "daemon/platform/retry_after.hpp"

using namespace tally;
using namespace tally::platform;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("JSON pointers find members, elements and all of them") {
    const auto document =
        json::parse(R"({"a": [{"b": 1}, {"b": 2}, {"c": 3}], "m/n": {"~": "x"}, "o": {"p": [7], "q": [8, 9]}})");
    const auto dumped = [&](std::string_view path) {
        std::string text;
        for (const auto* found : JsonPath::parse(path).value().all(document)) text += found->dump() + ";";
        return text;
    };
    CHECK(dumped("/a/1/b") == "2;");
    CHECK(dumped("/a/*/b") == "1;2;");
    CHECK(dumped("/o/*/*") == "7;8;9;");
    CHECK(dumped("/m~1n/~0") == "\"x\";");
    CHECK(dumped("/a/9") == "");
    CHECK(dumped("/a/01x") == "");
    CHECK(dumped("/a/0/b/deeper") == "");
    CHECK(JsonPath::parse("").value().first(document) == &document);
    CHECK(JsonPath::parse("/a/*/c").value().first(document)->dump() == "3");
    CHECK(JsonPath::parse("/m~1n/*/x").value().fixed_part().text() == "/m~1n");
    for (const auto* wrong : {"a", "/a//b", "/", "/a~2", "/a~"}) {
        CAPTURE(wrong);
        CHECK_FALSE(JsonPath::parse(wrong));
    }
}

TEST_CASE("redaction takes out whatever looks like a token and nothing else") {
    const std::pair<const char*, const char*> cases[] = {
        {"see https://g.com/x?access_token=abc&metric=reach", "see https://g.com/x?access_token=***&metric=reach"},
        {"token EAAGm0PX4ZCpsBAKZCxyz12345 is dead", "token *** is dead"},
        {"header was 'Bearer sim.1234'", "header was 'Bearer ***'"},
        {R"({"refresh_token": "1//0abc", "x": 1})", R"({"refresh_token": "***", "x": 1})"},
        {"client_secret=s3cr3t; rest", "client_secret=***; rest"},
        {"5f4dcc3b5aa765d61d8327deb882cf995f4dcc3b", "***"},
        // Names, numbers and ids stay readable.
        {"page_video_complete_views_30s_click_to_play", "page_video_complete_views_30s_click_to_play"},
        {"Object with ID '17841400000000042' does not exist", "Object with ID '17841400000000042' does not exist"},
        {"0b7d3c11-5a44-4c0e-9d5f-6f1f2a3b4c5d", "0b7d3c11-5a44-4c0e-9d5f-6f1f2a3b4c5d"},
        {"Error validating access token: Session has expired", "Error validating access token: Session has expired"},
        {"invalid token: expired", "invalid token: expired"},
        {"requires an appsecret_proof argument", "requires an appsecret_proof argument"},
        {"(#100) metric[2] must be one of the following values: reach",
         "(#100) metric[2] must be one of the following values: reach"},
    };
    for (const auto& [text, expected] : cases) CHECK(redact(text) == expected);
}

TEST_CASE("redacted text is one line of valid UTF-8 of bounded length") {
    CHECK(redact("a\r\n\tb\x01\x7f c") == "a b c");
    CHECK(redact("\xfcmlaut") == "\xEF\xBF\xBDmlaut");
    CHECK(redact("x\xE2\x80\xAEy\xC2\x85z") == "xyz");                        // right-to-left override, C1 control
    CHECK(redact("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate is no character
    std::string umlauts;
    for (int i = 0; i < 400; ++i) umlauts += "ü";
    const auto cut = redact(umlauts);
    CHECK(cut.size() <= 300);
    CHECK(cut.size() >= 295);
    CHECK(cut.ends_with("ü…"));
    CHECK(redact(std::string(300, '-')).size() == 300);
}

TEST_CASE("Retry-After is seconds or a date, never negative, at most a day") {
    const auto now = parse_instant("2026-11-21T08:00:00Z").value();
    CHECK(parse_retry_after("120", now) == 120s);
    CHECK(parse_retry_after(" 0 ", now) == 0s);
    CHECK(parse_retry_after("Sat, 21 Nov 2026 08:01:30 GMT", now) == 90s);
    CHECK(parse_retry_after("Sat, 21 Nov 2020 08:01:30 GMT", now) == 0s);
    CHECK(parse_retry_after("Sat, 21 Nov 2099 08:01:30 GMT", now) == 24h);
    CHECK(parse_retry_after("99999999999999999999", now) == 24h);
    for (const auto* wrong :
         {"", "soon", "-5", "1.5", "Sat, 31 Feb 2026 08:01:30 GMT", "Sat, 21 Nov 2026 08:01:30 UTC"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_retry_after(wrong, now));
    }
}
