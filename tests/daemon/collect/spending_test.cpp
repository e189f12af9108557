// SPDX-License-Identifier: Apache-2.0
// What is spent of limits, when they will be empty, and what a plan takes of them.
#include "daemon/collect/spending.hpp"

#include <doctest/doctest.h>

#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using namespace tally::collect;
using namespace std::chrono_literals;
using platform::BudgetScope;

namespace {

// 00:00 in Los Angeles, where YouTube's day begins, is 08:00 UTC in winter.
const Instant kStart = platform::test::at("2026-11-21T08:00:00Z"), kNow = kStart + 6h, kEnd = kStart + 24h;

Rules rules() {
    return {.config = {},
            .catalog = platform::Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"}),
            .schedules = {},
            .apps = {{"youtube", {{"", {}}, {"second", {}}}}}};
}

store::BudgetRow row(std::int64_t used, std::int64_t granted, const std::string& key = "default") {
    return {.platform = "youtube",
            .scope = "app",
            .key = key,
            .limit = "data_api",
            .window_start = kStart,
            .window_end = kEnd,
            .allowed = 10'000,
            .granted = granted,
            .used = used,
            .blocked_until = {},
            .reason = {}};
}

store::BudgetRow wait(Instant until, const std::string& platform = "youtube") {
    return {.platform = platform,
            .scope = "app",
            .key = "default",
            .limit = {},
            .window_start = {},
            .window_end = {},
            .blocked_until = until,
            .reason = "quotaExceeded: too much"};
}

PlannedCost planned(std::size_t channels, std::map<std::string, std::string> attributes = {}) {
    return {.target = platform::test::target("UC1", std::move(attributes)),
            .tasks = std::vector(channels, platform::test::task("youtube", "channel"))};
}

PlatformCost cost(const std::vector<PlannedCost>& plans, const std::vector<store::BudgetRow>& rows) {
    return cost_of(platform::test::shipped("youtube"), plans, spending_of(rules(), "youtube", rows, kNow), kNow);
}

}  // namespace

TEST_CASE("a limit that nobody touched is shown with zero, for each app") {
    const auto spent = spending_of(rules(), "youtube", {}, kNow);
    REQUIRE(spent.size() == 2);
    for (const auto& entry : spent) {
        CHECK(entry.limit == "data_api");
        CHECK(entry.used == 0);
        CHECK(entry.left() == 10'000);
        CHECK(entry.window == Window{kStart, kEnd});
        CHECK_FALSE(entry.empty_at);
    }
    CHECK(spent[0].key == "default");
    CHECK(spent[1].key == "second");
    for (const auto& entry : spending_of(rules(), "snapchat", {}, kNow)) CHECK_FALSE(entry.counted);
    CHECK(spending_of(rules(), "facebook", {}, kNow).empty());
}

TEST_CASE("what is spent, what is reserved, and when it will be empty at the present rate") {
    const auto of = [](std::int64_t used, std::int64_t granted) {
        return spending_of(rules(), "youtube", {row(used, granted)}, kNow).front();
    };
    CHECK(of(4'000, 4'050).reserved == 50);
    CHECK(of(4'000, 3'990).reserved == 0);
    CHECK(of(4'000, 4'000).empty_at == kNow + 9h);  // 4,000 in six hours: 6,000 take nine
    CHECK_FALSE(of(2'500, 2'500).empty_at);         // just lasts
    CHECK(of(2'501, 2'501).empty_at);
    CHECK(of(10'000, 10'000).empty_at == kNow);
    CHECK(of(10'001, 10'000).left() == 0);
}

TEST_CASE("waits are lines of their own; what is over is left out") {
    auto old = row(10, 10);
    old.window_end = kNow - 1s;
    const auto spent = spending_of(rules(), "youtube", {old, wait(kNow + 1h), wait(kNow - 1s)}, kNow);
    REQUIRE(spent.size() == 3);
    CHECK(spent[0].used == 0);
    CHECK(spent[2].limit.empty());
    CHECK(spent[2].blocked_until == kNow + 1h);
    CHECK(spent[2].reason == "quotaExceeded: too much");
    for (const auto& entry : spending_of(rules(), std::nullopt, {wait(kNow + 1h, "gone")}, kNow))
        CHECK(entry.platform != "gone");
}

TEST_CASE("spenders are counted since the longest window began") {
    CHECK(spent_since(platform::test::shipped("youtube"), kNow) == kStart);
    CHECK(spent_since(platform::test::shipped("snapchat"), kNow) == kNow - 24h);
}

TEST_CASE("what plans cost fits now, in the next window, or takes several") {
    const auto limit_with = [](std::size_t needed, std::int64_t used) {
        return cost({planned(needed)}, {row(used, used)}).limits.front();
    };
    CHECK_FALSE(limit_with(100, 9'900).fits_at);
    CHECK(limit_with(100, 9'900).left == 100);
    CHECK(limit_with(101, 9'900).fits_at == kEnd);
    CHECK(limit_with(10'100, 9'900).fits_at == kEnd);
    CHECK(limit_with(10'101, 9'900).fits_at == kEnd + 24h);
}

TEST_CASE("plans are counted by app, and only the requests that a limit is for") {
    auto other = planned(2, {{"app", "second"}});
    other.tasks.push_back(platform::test::task("youtube", platform::test::shipped("youtube").requests.back().name));
    REQUIRE(other.tasks.back().request->name != "channel");
    const auto total = cost({planned(3), planned(4), other}, {});
    CHECK(total.connections == 3);
    CHECK(total.requests == 10);
    REQUIRE(total.limits.size() == 2);
    CHECK(total.limits[0].key == "default");
    CHECK(total.limits[0].needed == 7);
    CHECK(total.limits[1].key == "second");
    CHECK(total.limits[1].needed == 2);
}

TEST_CASE("a plan whose app was told to wait says so") {
    CHECK_FALSE(cost({planned(1)}, {}).blocked_until);
    const auto blocked = cost({planned(1)}, {wait(kNow + 1h)});
    CHECK(blocked.blocked_until == kNow + 1h);
    CHECK(blocked.reason == "quotaExceeded: too much");
    CHECK_FALSE(cost({planned(1, {{"app", "second"}})}, {wait(kNow + 1h)}).blocked_until);
}
