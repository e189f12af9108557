// SPDX-License-Identifier: Apache-2.0
// Mails with attachments. What a mail program makes of them is tested with Python's own parser, end to end.
#include "daemon/alert/letter.hpp"

#include <doctest/doctest.h>

using namespace tally;
using namespace tally::alert;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
    return found;
}

}  // namespace

TEST_CASE("a letter without attachments is one part, with them each is a part of its own") {
    Letter letter{.subject = "A week",
                  .text = "All is well.\n",
                  .attachments = {},
                  .at = parse_instant("2026-11-16T07:00:00Z").value()};
    const auto plain = render_letter(letter, "tally@example.com", "u@example.com", "tally-7");
    CHECK(plain.find("To: <u@example.com>\r\n") != std::string::npos);
    CHECK(plain.find("multipart") == std::string::npos);
    CHECK(plain.ends_with("\r\n\r\nQWxsIGlzIHdlbGwuCg==\r\n"));

    letter.attachments = {{.name = "a.html", .type = "text/html; charset=utf-8", .content = "--=_parts_tally-7--"},
                          {.name = "b.xlsx", .type = "application/x", .content = std::string(200, '\0')}};
    const auto parts = render_letter(letter, "tally@example.com", "u@example.com", "tally-7");
    CHECK(parts.find("Content-Type: multipart/mixed; boundary=\"=_parts_tally-7\"\r\n") != std::string::npos);
    CHECK(count(parts, "\r\n--=_parts_tally-7\r\n") == 3);
    CHECK(count(parts, "\r\n--=_parts_tally-7--\r\n") == 1);  // what an attachment holds ends nothing
    CHECK(parts.find("Content-Disposition: attachment; filename=\"b.xlsx\"\r\n") != std::string::npos);
    for (std::size_t at = 0, end = 0; (end = parts.find("\r\n", at)) != std::string::npos; at = end + 2)
        CHECK(end - at <= 78);
}
