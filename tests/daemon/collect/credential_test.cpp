// SPDX-License-Identifier: Apache-2.0
// Tokens as users give them, and what an error may say of them.
#include "daemon/collect/credential.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"

using namespace tally;
using collect::Credential;

namespace {

Credential parse(const std::string& text) {
    std::map<std::string, std::string> attributes;
    return Credential::parse(text, attributes);
}

}  // namespace

TEST_CASE("a bare token loses its white space, a JSON object gives all members") {
    CHECK(parse("  abc.DEF-1\n").access_token.reveal() == "abc.DEF-1");
    std::map<std::string, std::string> attributes{{"timezone", "UTC"}};
    const auto full = Credential::parse(
        R"({"access_token":"a","refresh_token":"r","expires_at":"2026-12-01T00:00:00Z","attributes":{"app":"login"}})",
        attributes);
    CHECK(full.refresh_token.reveal() == "r");
    CHECK(full.expires_at == parse_instant("2026-12-01T00:00:00Z"));
    CHECK(attributes == std::map<std::string, std::string>{{"timezone", "UTC"}, {"app", "login"}});
}

TEST_CASE("what is sealed comes back") {
    auto credential = parse(R"({"access_token":"a","refresh_token":"r","expires_at":"2026-12-01T00:00:00Z"})");
    credential.derived["page_token"] = Secret{"p"};
    const auto again = Credential::read(credential.render());
    CHECK(again.access_token.reveal() == "a");
    CHECK(again.refresh_token.reveal() == "r");
    CHECK(again.expires_at == credential.expires_at);
    CHECK(again.derived.at("page_token").reveal() == "p");
}

TEST_CASE("a wrong token is refused without being repeated") {
    for (const auto* text :
         {"", " \n", "two hunter2words", "hunter2\r\nX-Evil: 1", "{\"access_token\":7}",
          "{\"refresh_token\":\"hunter2\"}", "{broken hunter2", "{\"access_token\":\"a\",\"expires_at\":\"hunter2\"}",
          "{\"access_token\":\"a\",\"acces_token\":\"hunter2\"}",
          "{\"access_token\":\"a\",\"attributes\":[\"hunter2\"]}"}) {
        try {
            parse(text);
            FAIL("accepted: ", text);
        } catch (const Error& error) {
            CHECK(error.fault() == Fault::usage);
            CHECK_MESSAGE(describe(error).find("hunter2") == std::string::npos, text);
        }
    }
}
