// SPDX-License-Identifier: Apache-2.0
#include "common/url.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tally;

TEST_CASE("URLs are read strictly") {
    const auto url = parse_url("HTTPS://API.Example.com/v1/x?y=1").value();
    CHECK(url.host == "api.example.com");
    CHECK(url.port == "443");
    CHECK(url.target == "/v1/x?y=1");
    CHECK(url.same_place(parse_url("https://api.example.com:443").value()));
    CHECK_FALSE(url.same_place(parse_url("http://api.example.com").value()));
    CHECK(parse_url("http://[::1]:8080/x").value().port == "8080");
    for (const auto* wrong : {"", "ftp://a/", "//a/b", "https://", "https://user@host/", "https://a b/", "https://a/#f",
                              "https://a\\@b/", "https://a:/", "https://a:99999999/", "https://a/\n", "javascript:x"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_url(wrong));
    }
    for (const auto* local : {"http://127.0.0.1:1", "http://127.9.8.7", "http://localhost", "http://[::1]"}) {
        CAPTURE(local);
        CHECK(parse_url(local)->is_loopback());
        CHECK(parse_url(local)->is_confidential());
    }
    for (const auto* other :
         {"http://127.evil.example", "http://127.0.0.1.evil.example", "http://localhost.evil.example",
          "http://127.0.0.256", "http://127.1.1.1.1", "http://[::2]"}) {
        CAPTURE(other);
        CHECK_FALSE(parse_url(other)->is_loopback());
        CHECK_FALSE(parse_url(other)->is_confidential());
    }
    CHECK(parse_url("https://example.com")->is_confidential());
    CHECK(is_loopback("::1"));
}

TEST_CASE("mail servers have schemes of their own") {
    CHECK(parse_mail_url("smtps://mail.example.com")->port == "465");
    CHECK(parse_mail_url("smtp://mail.example.com:587")->port == "587");
    CHECK_FALSE(parse_mail_url("https://mail.example.com"));
    CHECK_FALSE(parse_url("smtp://mail.example.com"));
}

TEST_CASE("values are percent-encoded, tokens leave targets") {
    CHECK(percent_encode("channel==MINE,a b/+ü~") == "channel%3D%3DMINE%2Ca%20b%2F%2B%C3%BC~");
    CHECK(without_tokens("/x?access_token=abc&a=1&APPSECRET_PROOF=9&b=2") == "/x?a=1&b=2");
    CHECK(without_tokens("/x?access_token=abc") == "/x");
    CHECK(without_tokens("/x?&a=1&") == "/x?a=1");
    CHECK(without_tokens("/x") == "/x");
}

TEST_CASE("an address is one plain ASCII one") {
    for (const auto* good : {"a@b", "ops@example.com", "first.last+tag@mail.example.co.uk", "o'neil@example.com"}) {
        CAPTURE(good);
        CHECK(is_mail_address(good));
    }
    for (const auto* bad : {"", "@", "a@", "@b", "nobody", "a@b@c", "a b@c", "a@b,c@d", "a@b;c@d", "<a@b>",
                            "a@b\r\nBcc: c@d", "m\xc3\xbcller@example.com", "\"a\"@b", "a@[127.0.0.1]"}) {
        CAPTURE(bad);
        CHECK_FALSE(is_mail_address(bad));
    }
    CHECK(is_mail_address(std::string(250, 'a') + "@b.c"));
    CHECK_FALSE(is_mail_address(std::string(251, 'a') + "@b.c"));
}
