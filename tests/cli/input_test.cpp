// SPDX-License-Identifier: Apache-2.0
// What people hand in: dates, globs, tokens, account names, long files.
#include <doctest/doctest.h>

#include <sstream>

#include "cli/connection_name.hpp"
#include "cli/dates.hpp"
#include "cli/glob.hpp"
#include "cli/line_chunks.hpp"
#include "cli/token_input.hpp"
#include "common/error.hpp"

using namespace tally;
using namespace tally::cli;

namespace {

Day day(const char* text) {
    return parse_day(text).value();
}

Fault fault_of_token(std::string_view text) {
    try {
        parse_token(text);
    } catch (const Error& error) {
        // Whatever is wrong with it, a token must not come back in a message.
        CHECK(std::string{error.what()}.find("sesame") == std::string::npos);
        return error.fault();
    }
    FAIL("the token was accepted");
    return Fault::internal;
}

}  // namespace

TEST_CASE("dates") {
    const auto today = day("2026-03-01");
    CHECK(parse_date("2026-11-21", today) == day("2026-11-21"));
    CHECK(parse_date("today", today) == today);
    CHECK(parse_date("-0d", today) == today);
    CHECK(parse_date("-1d", today) == day("2026-02-28"));
    CHECK(parse_date("-30d", today) == day("2026-01-30"));
    for (const auto* text :
         {"", "yesterday", "30d", "-d", "--3d", "-3", "-3h", "-99999999999999d", "2026-02-30", "2026-1-1"})
        CHECK_FALSE(parse_date(text, today));
}

TEST_CASE("a range of dates must not be turned round") {
    const auto today = day("2026-03-10");
    const auto dates = read_dates(Arguments{{{"from", {"-3d"}}, {"to", {"today"}}}}, today);
    CHECK(dates.from == day("2026-03-07"));
    CHECK(dates.to == today);
    CHECK_FALSE(read_dates(Arguments{{}}, today).from);
    CHECK_THROWS_AS(read_dates(Arguments{{{"from", {"today"}}, {"to", {"-1d"}}}}, today), Error);
    CHECK_THROWS_WITH(read_dates(Arguments{{{"to", {"soon"}}}}, today), "--to: not a date: 'soon'");
}

TEST_CASE("a glob becomes a LIKE pattern in which nothing else is special") {
    CHECK(like_pattern("views*") == "views%");
    CHECK(like_pattern("*.reel") == "%.reel");
    CHECK(like_pattern("quartile_?") == R"(quartile\__)");
    CHECK(like_pattern(R"(100%\)") == R"(100\%\\)");
    CHECK(like_pattern("").empty());
}

TEST_CASE("a glob is tried on a name") {
    CHECK(glob_matches("views*", "views"));
    CHECK(glob_matches("*", ""));
    CHECK(glob_matches("*a*b?", "xxaybbc"));
    CHECK(glob_matches("quartile_?", "quartile_1"));
    CHECK_FALSE(glob_matches("quartile_?", "quartile_10"));
    CHECK_FALSE(glob_matches("*reel", "views.reels"));
    CHECK_FALSE(glob_matches("views", "Views"));
    CHECK_FALSE(glob_matches("", "views"));
}

TEST_CASE("a bare token") {
    CHECK(parse_token("sesame\n").access_token.reveal() == "sesame");
    CHECK(parse_token("  sesame\r\n").access_token.reveal() == "sesame");
    CHECK(fault_of_token("") == Fault::usage);
    CHECK(fault_of_token(" \n") == Fault::usage);
    CHECK(fault_of_token("open sesame") == Fault::usage);
    CHECK(fault_of_token("open\x01sesame") == Fault::usage);
}

TEST_CASE("a token as JSON") {
    const auto token = parse_token(R"({"access_token":"a","refresh_token":"r","expires_at":"2026-12-01T00:00:00Z",
                                      "attributes":{"app":"login"}})");
    CHECK(token.access_token.reveal() == "a");
    CHECK(token.refresh_token.reveal() == "r");
    CHECK(token.expires_at == "2026-12-01T00:00:00Z");
    CHECK(token.attributes.at("app") == "login");
    const auto body = nlohmann::json::parse(render_token_body(token).reveal());
    CHECK(body == nlohmann::json::parse(R"({"source":"tallyctl","attributes":{"app":"login"},
        "token":{"access_token":"a","refresh_token":"r","expires_at":"2026-12-01T00:00:00Z"}})"));
    CHECK(nlohmann::json::parse(render_token_body(parse_token("sesame")).reveal()) ==
          nlohmann::json::parse(R"({"source":"tallyctl","token":"sesame"})"));
    for (const auto* text :
         {R"({"access_token":"sesame")", R"({"refresh_token":"sesame"})", R"({"access_token":7})",
          R"({"access_token":"sesame","extra":1})", R"({"access_token":"sesame","expires_at":"soon"})",
          R"({"access_token":"sesame","attributes":["x"]})", R"({"access_token":"sesame","attributes":{"x":1}})"})
        CHECK(fault_of_token(text) == Fault::usage);
}

TEST_CASE("attributes are pairs") {
    const auto attributes = read_attributes(Arguments{{{"attribute", {"app=x", "note=a=b", "empty="}}}});
    CHECK(attributes == std::map<std::string, std::string>{{"app", "x"}, {"note", "a=b"}, {"empty", ""}});
    CHECK_THROWS_AS(read_attributes(Arguments{{{"attribute", {"app"}}}}), Error);
    CHECK_THROWS_AS(read_attributes(Arguments{{{"attribute", {"=x"}}}}), Error);
}

TEST_CASE("the account may be left out when there is one") {
    CHECK(choose_account("u", "p", {"17"}) == "17");
    CHECK_THROWS_WITH_AS(choose_account("u", "p", {}), "user 'u' has no connection to 'p'", Error);
    try {
        choose_account("u", "p", {"17", "18"});
        FAIL("one of two accounts was guessed");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::usage);
        CHECK(error.hint() == "Name one with --account: 17, 18.");
    }
}

TEST_CASE("a long file is cut at line ends and keeps its line numbers") {
    std::istringstream in{"aaaa\nbbbb\n\ncc\ndddddddddddddddddddd\nee\nff"};
    LineChunks chunks{in, 10};
    auto chunk = chunks.next();
    REQUIRE(chunk);
    CHECK(chunk->text == "aaaa\nbbbb\n");
    CHECK(chunk->first_line == 1);
    chunk = chunks.next();
    REQUIRE(chunk);
    CHECK(chunk->text == "\ncc\n");
    CHECK(chunk->first_line == 3);
    CHECK(chunk->too_long == std::vector<std::uint64_t>{5});
    chunk = chunks.next();
    REQUIRE(chunk);
    CHECK(chunk->text == "ee\nff\n");
    CHECK(chunk->first_line == 6);
    CHECK(chunk->lines == 2);
    CHECK_FALSE(chunks.next());
}

TEST_CASE("every line of a large file is in exactly one chunk") {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += std::string(static_cast<std::size_t>(i * 37 % 40'000), 'x') + "\n";
    std::istringstream in{text};
    LineChunks chunks{in, 64 << 10};
    std::string joined;
    std::uint64_t lines = 0;
    while (const auto chunk = chunks.next()) {
        CHECK(chunk->text.size() <= (64 << 10));
        CHECK(chunk->first_line == lines + 1);
        CHECK(chunk->too_long.empty());
        lines += chunk->lines;
        joined += chunk->text;
    }
    CHECK(lines == 3000);
    CHECK((joined == text));
}

TEST_CASE("an empty file has no chunks") {
    std::istringstream in{""};
    CHECK_FALSE(LineChunks{in, 10}.next());
}
