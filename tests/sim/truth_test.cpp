// SPDX-License-Identifier: Apache-2.0
// Numbers are pure, plausible and different; restatements end before finality.
#include "truth.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

using namespace sim;
using std::chrono::hours;

TEST_CASE("a number depends on seed, platform, account, metric and day, and on nothing else") {
    const World world{1};
    const World same{1};
    const World other{2};
    const auto day = on("2026-11-10");
    const auto number = [day](const World& w, Platform platform, std::string_view id, std::string_view metric, Day d) {
        auto account = w.account(platform, id);
        account.audience = 1e9;  // large, so that equal numbers are no accident
        return value(w, account, metric, 0.5, d);
    };
    const auto base = number(world, Platform::instagram, "a", "views", day);
    CHECK(base == number(same, Platform::instagram, "a", "views", day));
    const std::set<std::int64_t> all{base,
                                     number(other, Platform::instagram, "a", "views", day),
                                     number(world, Platform::facebook, "a", "views", day),
                                     number(world, Platform::instagram, "b", "views", day),
                                     number(world, Platform::instagram, "a", "reach", day),
                                     number(world, Platform::instagram, "a", "views", day + date::days{1})};
    CHECK(all.size() == 6);
    CHECK(base > 0);
}

TEST_CASE("one account-day in eight is restated, before finality and never after") {
    const World world{1};
    const std::vector<std::pair<Platform, hours>> finality{{Platform::instagram, hours{48}},
                                                           {Platform::facebook, hours{72}},
                                                           {Platform::youtube, hours{288}},
                                                           {Platform::snapchat, hours{48}}};
    for (const auto& [platform, delay] : finality) {
        CAPTURE(platform_name(platform));
        int restated = 0;
        for (int i = 0; i < 400; ++i) {
            const auto account = world.account(platform, "acc" + std::to_string(i));
            const auto day = on("2026-10-20") + date::days{i % 20};
            const auto end = midnight(account.zone, day + date::days{1});
            CHECK(stage(account, day, end - std::chrono::seconds{1}) == Stage::hidden);
            CHECK(stage(account, day, end + delay) == Stage::settled);
            CHECK(stage(account, day, end + hours{9000}) == Stage::settled);
            auto before = Stage::hidden;
            bool provisional = false;
            for (auto now = end; now < end + delay + hours{24}; now += hours{1}) {
                const auto s = stage(account, day, now);
                CHECK(static_cast<int>(s) >= static_cast<int>(before));  // hidden, provisional, settled: never back
                provisional = provisional || s == Stage::provisional;
                before = s;
            }
            restated += provisional ? 1 : 0;
        }
        CHECK(restated > 25);
        CHECK(restated < 85);
    }
}

TEST_CASE("YouTube publishes a day fifty hours after its end") {
    const World world{1};
    const auto account = world.account(Platform::youtube, "UC1");
    const auto end = at("2026-11-18T08:00:00Z");
    CHECK(stage(account, on("2026-11-17"), end + hours{50} - std::chrono::seconds{1}) == Stage::hidden);
    CHECK(stage(account, on("2026-11-17"), end + hours{50}) != Stage::hidden);
}

TEST_CASE("a provisional number is lower than the truth") {
    CHECK(published(1600, Stage::provisional) == 1500);
    CHECK(published(1, Stage::provisional) == 0);
    CHECK(published(0, Stage::provisional) == 0);
    CHECK(published(1600, Stage::settled) == 1600);
}

TEST_CASE("shares add up to their total") {
    bool zero = false;
    for (std::uint64_t key = 0; key < 200; ++key) {
        const auto total = static_cast<std::int64_t>(key * 7919 % 100'000);
        const auto shares = split(total, 6, key);
        CHECK(std::accumulate(shares.begin(), shares.end(), std::int64_t{0}) == total);
        for (const auto share : shares) CHECK(share >= 0);
        zero = zero || (total > 1000 && std::find(shares.begin(), shares.end(), 0) != shares.end());
    }
    CHECK(zero);
}

TEST_CASE("unique people of several days are fewer than the sum and not fewer than the best day") {
    CHECK(unique_over({100}) == 100);
    CHECK(unique_over({100, 50, 50}) == 160);
    CHECK(unique_over({}) == 0);
}

TEST_CASE("a running number grows by the quarter of an hour to its total") {
    CHECK(running(9600, std::chrono::seconds{899}, hours{24}) == 0);
    CHECK(running(9600, std::chrono::seconds{900}, hours{24}) == 100);
    CHECK(running(9600, hours{12}, hours{24}) == 4800);
    CHECK(running(9600, hours{24}, hours{24}) == 9600);
    CHECK(running(9600, hours{24}, hours{25}) < 9600);
    CHECK(running(9600, hours{25}, hours{25}) == 9600);
}

TEST_CASE("followers move inside the day, stay the same inside a quarter of an hour, and small stays small") {
    const World world{1};
    auto account = world.account(Platform::instagram, "1784");
    account.audience = 5e7;
    CHECK(followers(account, at("2026-11-20T12:00:00Z")) == followers(account, at("2026-11-20T12:14:59Z")));
    CHECK(followers(account, at("2026-11-20T12:00:00Z")) != followers(account, at("2026-11-20T20:00:00Z")));
    for (int i = 0; i < 50; ++i) {
        const auto small = world.account(Platform::instagram, "x" + std::to_string(i) + "-small");
        CHECK(small.small());
        CHECK(followers(small, at("2027-11-20T12:00:00Z")) < 100);
    }
}
