// SPDX-License-Identifier: Apache-2.0
// Messages as each channel is sent them.
#include "daemon/alert/message.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"

using namespace tally;
using namespace tally::alert;

namespace {

Message message() {
    Message message;
    message.notice.kind = "given_up";
    message.notice.title = "12 collections were given up";
    message.notice.lines = {"acme youtube UC1: <b> & \"quotes\"", "müller instagram 17"};
    message.notice.count = 12;
    message.sender = "db1";
    message.at = parse_instant("2026-11-22T03:04:05Z").value();
    return message;
}

}  // namespace

TEST_CASE("a message leaves the outbox as it came in") {
    auto sent = message();
    sent.notice.reason = Reason::over;
    sent.notice.urgent = true;
    const auto back = message_from_json(to_json(sent));
    CHECK(back.notice.reason == Reason::over);
    CHECK(back.notice.urgent);
    CHECK(back.notice.kind == sent.notice.kind);
    CHECK(back.notice.title == sent.notice.title);
    CHECK(back.notice.lines == sent.notice.lines);
    CHECK(back.notice.count == 12);
    CHECK(back.sender == "db1");
    CHECK(back.at == sent.at);
    CHECK_THROWS_AS(message_from_json("{}"), Error);
    CHECK_THROWS_AS(message_from_json("nothing"), Error);
}

TEST_CASE("Slack's own characters are escaped, and what is left out is counted") {
    const auto text =
        nlohmann::json::parse(webhook_body(message(), config::WebhookFormat::slack)).at("text").get<std::string>();
    CHECK(text.starts_with(":warning: *[tally db1] 12 collections were given up*\n"));
    CHECK(text.find("&lt;b&gt; &amp; \"quotes\"") != std::string::npos);
    CHECK(text.find("and 10 more\n") != std::string::npos);
}

TEST_CASE("a plain webhook has a member for everything") {
    const auto body = nlohmann::json::parse(webhook_body(message(), config::WebhookFormat::plain));
    CHECK(body.at("kind") == "given_up");
    CHECK(body.at("reason") == "raised");
    CHECK(body.at("severity") == "warning");
    CHECK(body.at("lines").size() == 2);
    CHECK(body.at("count") == 12);
    CHECK(body.at("node") == "db1");
    CHECK(body.at("at") == "2026-11-22T03:04:05Z");
}

TEST_CASE("a mail is ASCII with short lines, whatever is said") {
    auto sent = message();
    sent.notice.title = "Zustände: " + std::string(300, 'x') + "\r\nBcc: somebody@example.com";
    const auto text = render_letter(letter_of(sent), "tally@example.com", "ops@example.com", "tally-1");
    CHECK(text.find("Date: Sun, 22 Nov 2026 03:04:05 +0000\r\n") != std::string::npos);
    CHECK(text.find("Message-ID: <tally-1@example.com>\r\n") != std::string::npos);
    CHECK(text.find("Bcc") == std::string::npos);
    std::size_t at = 0;
    for (auto end = text.find("\r\n"); end != std::string::npos; at = end + 2, end = text.find("\r\n", at)) {
        CHECK(end - at <= 78);
    }
    CHECK(at == text.size());
    for (const char c : text) CHECK((c == '\r' || c == '\n' || (c >= ' ' && c <= '~')));
}
