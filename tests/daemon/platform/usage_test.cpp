// SPDX-License-Identifier: Apache-2.0
// What the shipped files read out of usage headers: how much is used, who must wait, how far apart requests should be.
#include "daemon/platform/usage.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;
using namespace std::chrono_literals;

namespace {

const auto kNow = at("2026-11-21T20:00:00Z");

using Headers = std::vector<std::pair<std::string, std::string>>;

std::vector<UsageReading> readings(std::string_view platform, Headers headers, int status = 200) {
    return read_usage(shipped(platform), {.status = status, .headers = std::move(headers), .body = "{}"}, kNow);
}

/// The only reading of the only header.
UsageReading reading(std::string_view platform, Headers headers) {
    const auto found = readings(platform, std::move(headers));
    REQUIRE(found.size() == 1);
    return found.front();
}

UsageReading app_usage(int percent) {
    return reading("instagram", {{"x-app-usage", fmt::format(R"({{"call_count":{},"total_time":1}})", percent)}});
}

Headers bucket(std::string_view limit, std::string_view left, std::string_view reset) {
    return {{"Ratelimit-Limit", std::string{limit}},
            {"Ratelimit-Remaining", std::string{left}},
            {"Ratelimit-Reset", std::string{reset}}};
}

std::string unix_time(Instant when) {
    return std::to_string(std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count());
}

}  // namespace

TEST_CASE("Meta's headers: the highest of the percentages counts, over all accounts and kinds") {
    const auto app = reading("instagram", {{"X-App-Usage", R"({"call_count":28,"total_time":25,"total_cputime":61})"}});
    CHECK(app.scope == BudgetScope::app);
    CHECK(app.used == doctest::Approx(0.61));
    CHECK_FALSE(app.blocked_until);
    CHECK(app.spacing == 0ms);

    for (const auto* platform : {"instagram", "facebook"}) {
        const auto account = reading(platform, {{"x-business-use-case-usage", R"({
            "42":[{"type":"instagram","call_count":3,"total_cputime":10,"total_time":12,
                   "estimated_time_to_regain_access":0},
                  {"type":"pages","call_count":64,"total_cputime":1,"total_time":1}],
            "43":[{"type":"pages","call_count":2,"total_cputime":70,"total_time":1}]})"}});
        CHECK(account.scope == BudgetScope::account);
        CHECK(account.used == doctest::Approx(0.7));
        CHECK_FALSE(account.blocked_until);
    }
    CHECK(reading("facebook", {{"X-Page-Usage", R"({"call_count":12})"}}).scope == BudgetScope::account);
}

TEST_CASE("each header is a reading of its own, on refusals too") {
    const Headers both{{"x-app-usage", R"({"call_count":10})"},
                       {"x-business-use-case-usage", R"({"42":[{"call_count":20}]})"}};
    for (const auto status : {200, 400, 500}) {
        const auto found = readings("instagram", both, status);
        REQUIRE(found.size() == 2);
        CHECK(found[0].scope == BudgetScope::account);  // in the order of the file
        CHECK(found[0].used == doctest::Approx(0.2));
        CHECK(found[1].scope == BudgetScope::app);
        CHECK(found[1].used == doctest::Approx(0.1));
    }
    CHECK(readings("instagram", {}).empty());
    CHECK(readings("youtube", both).empty());
}

TEST_CASE("from 75 percent on requests are spaced, from 95 on none is sent") {
    CHECK(app_usage(74).spacing == 0ms);
    CHECK(app_usage(75).spacing == 1s);  // a beginning that can be felt
    CHECK(app_usage(80).spacing == 2500ms);
    CHECK(app_usage(94).spacing == 9500ms);
    CHECK_FALSE(app_usage(94).blocked_until);
    for (const auto percent : {95, 100, 250}) {
        CAPTURE(percent);
        CHECK(app_usage(percent).blocked_until == kNow + 5min);
        CHECK(app_usage(percent).spacing == 10s);
        CHECK(app_usage(percent).used == doctest::Approx(percent / 100.0));
    }
}

TEST_CASE("the platform's own word on how long goes before ours, at any percentage and within a day") {
    const auto regained = [](std::string_view minutes, int percent) {
        return reading("instagram", {{"x-business-use-case-usage",
                                      fmt::format(R"({{"42":[{{"call_count":{},"estimated_time_to_regain_access":{}}},
                                                            {{"estimated_time_to_regain_access":1}}]}})",
                                                  percent, minutes)}})
            .blocked_until;
    };
    CHECK(regained("17", 100) == kNow + 17min);
    CHECK(regained("17", 3) == kNow + 17min);
    CHECK(regained("1.5", 100) == kNow + 90s);
    CHECK(regained("1e300", 100) == kNow + 24h);
    CHECK(regained("0", 100) == kNow + 1min);  // the other kind's
    CHECK(regained("-5", 3) == kNow + 1min);
    CHECK(reading("instagram", {{"x-business-use-case-usage", R"({"42":[{"estimated_time_to_regain_access":"17"}]})"}})
              .blocked_until == std::nullopt);
}

TEST_CASE("Meta's headers that cannot be read are passed over") {
    for (const auto* text : {"", "garbage", "17", "\"80\"", "null", "{\"call_count\":80"}) {
        CAPTURE(std::string{text});
        CHECK(readings("instagram", {{"x-app-usage", text}, {"x-business-use-case-usage", text}}).empty());
    }
    for (const auto* text : {R"({"call_count":"80"})", R"({"call_count":null})", R"({"call_count":-80})", "[80]"}) {
        CAPTURE(std::string{text});
        const auto found = reading("instagram", {{"x-app-usage", text}});
        CHECK(found.used == 0);
        CHECK_FALSE(found.blocked_until);
    }
}

TEST_CASE("Twitch's bucket: from three quarters on what is left is spread until it is full again") {
    const auto reset = unix_time(kNow + 29s);  // and a second for the clocks: 30
    const auto full = reading("twitch", bucket("800", "799", reset));
    CHECK(full.scope == BudgetScope::token);
    CHECK(full.used == doctest::Approx(1.0 / 800));
    CHECK(full.resets_at == kNow + 30s);
    CHECK_FALSE(full.blocked_until);
    CHECK(full.spacing == 0ms);
    CHECK(reading("twitch", bucket("800", "201", reset)).spacing == 0ms);
    CHECK(reading("twitch", bucket("800", "200", reset)).spacing == 150ms);
    CHECK(reading("twitch", bucket("800", "1", reset)).spacing == 30s);
    const auto empty = reading("twitch", bucket("800", "0", reset));
    CHECK(empty.used == 1);
    CHECK(empty.blocked_until == kNow + 30s);
    CHECK(empty.spacing == 0ms);
}

TEST_CASE("Twitch's bucket: a time that cannot be right delays nobody") {
    for (const auto when : {kNow - 2s, kNow - 24h, kNow + 25h}) {
        const auto odd = reading("twitch", bucket("800", "0", unix_time(when)));
        CHECK_FALSE(odd.blocked_until);
        CHECK_FALSE(odd.resets_at);
        CHECK(odd.spacing == 0ms);
    }
}

TEST_CASE("Twitch's headers count together or not at all") {
    const auto reset = unix_time(kNow + 29s);
    auto two = bucket("800", "0", reset);
    two.pop_back();
    CHECK(readings("twitch", two).empty());
    for (const auto* odd : {"", "-1", "many", "12abc", " 12", "0x10", "nan", "inf", "1e400", "5000000000"}) {
        CAPTURE(std::string{odd});
        CHECK(readings("twitch", bucket(odd, "0", reset)).empty());
        CHECK(readings("twitch", bucket("800", odd, reset)).empty());
        CHECK(readings("twitch", bucket("800", "0", odd)).empty());
    }
    CHECK(readings("twitch", bucket("0", "0", reset)).empty());
}

TEST_CASE("no header makes anybody wait longer than a day") {
    CHECK(rc::check([] {
        const auto number = [] {
            return *rc::gen::oneOf(
                rc::gen::map(rc::gen::inRange(-5, 1000), [](int value) { return std::to_string(value); }),
                rc::gen::map(rc::gen::inRange(-100'000, 200'000),
                             [](int offset) { return unix_time(kNow + std::chrono::seconds{offset}); }),
                rc::gen::elementOf(std::vector<std::string>{"1e300", "4e9", "0.5", "x"}));
        };
        Headers headers = bucket(number(), number(), number());
        headers.emplace_back("x-app-usage", fmt::format(R"({{"call_count":{},"total_time":{}}})", number(), number()));
        headers.emplace_back("x-business-use-case-usage",
                             fmt::format(R"({{"4":[{{"estimated_time_to_regain_access":{}}}]}})", number()));
        for (const auto* platform : {"instagram", "facebook", "twitch"}) {
            for (const auto& found : readings(platform, headers)) {
                RC_ASSERT(found.spacing >= 0ms);
                RC_ASSERT(found.spacing <= 24h);
                for (const auto& until : {found.blocked_until, found.resets_at})
                    RC_ASSERT(!until || (*until > kNow && *until <= kNow + 24h));
            }
        }
    }));
}
