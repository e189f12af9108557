// SPDX-License-Identifier: Apache-2.0
// Who may send when: paces, counted windows, and waits of apps, tokens and accounts.
#include "daemon/collect/budget_book.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace std::chrono_literals;
using namespace tally;
using collect::BudgetBook;
using collect::key_of;
using collect::Window;
using collect::window_of;
using platform::BudgetScope;
using platform::RateLimit;

namespace {

const auto kNow = parse_instant("2026-11-21T20:00:00Z").value();  // noon in Los Angeles
const auto kMidnight = parse_instant("2026-11-22T08:00:00Z").value();

platform::Platform platform_with(std::vector<RateLimit> limits) {
    platform::Platform platform;
    platform.name = "demo";
    platform.limits = std::move(limits);
    return platform;
}

RateLimit limit(unsigned requests, std::chrono::milliseconds per, BudgetScope scope = BudgetScope::app,
                const std::string& name = "pace") {
    return {.name = name, .scope = scope, .requests = requests, .per = per, .resets = {}, .only_for = {}};
}

/// So many requests a day in Los Angeles, for "channel" only.
RateLimit quota(unsigned requests) {
    auto daily = limit(requests, 24h, BudgetScope::app, "quota");
    daily.resets = TimeZone::find("America/Los_Angeles");
    daily.only_for = {"channel"};
    return daily;
}

platform::Target account(const std::string& id = "a", const std::string& token = "t", const std::string& app = "") {
    platform::Target target{
        .account = id, .attributes = {}, .access_token = Secret{token}, .derived_tokens = {}, .base_url = {}};
    if (!app.empty()) target.attributes["app"] = app;
    return target;
}

/// When `count` requests that want to go at once are sent; the caller is asked again after every wait and denial.
std::vector<Instant> sent(BudgetBook& book, const platform::Platform& platform, std::size_t count, Instant at = kNow) {
    std::vector<Instant> times;
    while (times.size() < count) {
        const auto turn = book.take(platform, account(), "any", at);
        REQUIRE(turn.empty == nullptr);
        if (turn.denial) {
            REQUIRE(turn.denial->until > at);
            at = turn.denial->until;
            continue;
        }
        if (turn.reserved) times.push_back(turn.send_at);
        REQUIRE((turn.reserved || turn.send_at > at));
        at = turn.send_at;
    }
    return times;
}

platform::UsageReading slow_down(std::chrono::milliseconds spacing, std::optional<Instant> resets_at = {}) {
    return {.scope = BudgetScope::app,
            .used = 0.8,
            .blocked_until = std::nullopt,
            .resets_at = resets_at,
            .spacing = spacing};
}

}  // namespace

TEST_CASE("without a limit nobody waits") {
    BudgetBook book;
    for (const auto when : sent(book, platform_with({}), 100)) CHECK(when == kNow);
}

TEST_CASE("a pace is never exceeded in any window, and nearly reached") {
    CHECK(rc::check([] {
        const auto most = *rc::gen::inRange<std::size_t>(1, 60);
        const auto per = std::chrono::milliseconds{*rc::gen::inRange(100, 10'000)};
        const auto demo = platform_with({limit(static_cast<unsigned>(most), per)});
        BudgetBook book;
        std::vector<Instant> times;
        auto at = kNow;
        for (int burst = 0; burst < 3; ++burst) {
            for (const auto when : sent(book, demo, most + 1, at)) times.push_back(when);
            at = times.back() + std::chrono::milliseconds{*rc::gen::inRange(0, 20'000)};
        }
        for (std::size_t i = most; i < times.size(); ++i) RC_ASSERT(times[i] - times[i - most] >= per);
        BudgetBook busy;
        const auto steady = sent(busy, demo, most * 10);
        RC_ASSERT(steady.back() - steady.front() <= per * 13);
    }));
}

TEST_CASE("a pace of the app is shared by its nodes, one of a token is not") {
    const auto gap = [](BudgetScope scope, std::size_t nodes) {
        BudgetBook book;
        book.set_nodes(nodes);
        const auto times = sent(book, platform_with({limit(8, 1s, scope)}), 20);
        return times[19] - times[18];
    };
    CHECK(gap(BudgetScope::app, 1) == 156'250us);  // 8 a second, and a fifth in reserve for the burst
    CHECK(gap(BudgetScope::app, 4) == 625ms);
    CHECK(gap(BudgetScope::app, 0) == 156'250us);
    CHECK(gap(BudgetScope::token, 4) == 156'250us);
    CHECK(gap(BudgetScope::account, 4) == 156'250us);
}

TEST_CASE("a line that is longer than the patience is a denial until then, and a backfill leaves it sooner") {
    const auto demo = platform_with({limit(6, 1min)});  // one every 12.5 s
    BudgetBook book;
    while (book.take(demo, account(), "any", kNow).reserved) continue;
    const auto denial = book.take(demo, account(), "any", kNow).denial;
    REQUIRE(denial);
    CHECK(denial->until > kNow + BudgetBook::kPatience);
    CHECK(denial->until <= kNow + 30s);
    CHECK(denial->reason == "the limit 'pace' of 6 requests in 1m is taken until then");
    CHECK_FALSE(denial->backfill_only);
    const auto patient = denial->until - BudgetBook::kPatience;
    CHECK(book.take(demo, account(), "any", patient - 1ms).denial);
    const auto backfill = book.take(demo, account(), "any", patient, true).denial;
    REQUIRE(backfill);
    CHECK(backfill->until == denial->until);
    CHECK(backfill->backfill_only);
    CHECK(book.take(demo, account(), "any", denial->until - BudgetBook::kBackfillPatience - 1ms, true).denial);
    const auto turn = book.take(demo, account(), "any", patient);
    CHECK_MESSAGE(turn.reserved, "denials took nothing");
    CHECK(turn.send_at == denial->until);
    BudgetBook idle;
    CHECK(idle.take(demo, account(), "any", kNow, true).reserved);
}

TEST_CASE("the narrowest of several limits decides") {
    BudgetBook book;
    const auto times =
        sent(book,
             platform_with({limit(1000, 1s, BudgetScope::app, "wide"), limit(4, 1s, BudgetScope::token, "narrow")}), 9);
    CHECK(times[8] - times[7] == 312'500us);
}

TEST_CASE("keys: apps by name, tokens by a hash that tells nothing, accounts by id") {
    const auto demo = platform_with({});
    CHECK(key_of(demo, account(), BudgetScope::app).id == "default");
    CHECK(key_of(demo, account("a", "t", "mine"), BudgetScope::app).id == "mine");
    CHECK(key_of(demo, account("a"), BudgetScope::account).id == "a");
    const auto key = key_of(demo, account("a", "hunter2"), BudgetScope::token);
    CHECK(key.id.find("hunter2") == std::string::npos);
    CHECK(key == key_of(demo, account("b", "hunter2"), BudgetScope::token));
    CHECK(key != key_of(demo, account("a", "hunter3"), BudgetScope::token));
}

TEST_CASE("a counted window is the zone's day, over clock changes too, or a stretch of fixed length") {
    CHECK(window_of(quota(1), kNow) == Window{kMidnight - 24h, kMidnight});
    CHECK(window_of(quota(1), kMidnight) == Window{kMidnight, kMidnight + 24h});
    const auto autumn = parse_instant("2026-11-01T07:00:00Z").value();
    CHECK(window_of(quota(1), autumn + 1h) == Window{autumn, autumn + 25h});
    CHECK(window_of(limit(1, 1h), kNow + 59min) == Window{kNow, kNow + 1h});
    CHECK_FALSE(collect::is_counted(limit(1, 59min)));
    CHECK(collect::is_counted(limit(1, 1h)));
}

TEST_CASE("a quota is handed out in portions and ends at midnight Pacific") {
    const auto demo = platform_with({quota(3)});
    const auto key = key_of(demo, account(), BudgetScope::app);
    const auto& daily = demo.limits.front();
    BudgetBook book;
    const auto take = [&](Instant at = kNow) { return book.take(demo, account(), "channel", at); };

    CHECK(take().empty == &daily);  // ask the store first
    CHECK_FALSE(take().reserved);
    book.grant(key, daily, window_of(daily, kNow), 2);
    CHECK(take().reserved);
    CHECK(take().reserved);
    CHECK(take().empty == &daily);
    CHECK(book.take_used(key, "quota") == 2);
    CHECK(book.take_used(key, "quota") == 0);

    book.grant(key, daily, window_of(daily, kNow), 1);
    CHECK(take().reserved);
    const auto used = book.take_all_used();
    REQUIRE(used.size() == 1);
    CHECK(used[0].key == key);
    CHECK(used[0].limit == "quota");
    CHECK(used[0].window == window_of(daily, kNow));
    CHECK(used[0].used == 1);
    CHECK(book.take_all_used().empty());

    book.grant(key, daily, window_of(daily, kNow), 0);
    const auto denied = take().denial;
    REQUIRE(denied);
    CHECK(denied->until == kMidnight);
    CHECK(denied->reason == "the limit 'quota' of 3 requests is used up");
    CHECK(take(kMidnight - 1ms).denial);
    CHECK_MESSAGE(take(kMidnight).empty == &daily, "a new day: ask again");
    CHECK_MESSAGE(book.take(demo, account(), "daily", kNow).reserved, "it counts one request only");
}

TEST_CASE("a portion grows while it is used up quickly and shrinks when it is not") {
    BudgetBook book;
    RateLimit daily;
    daily.name = "quota";
    daily.scope = BudgetScope::app;
    daily.requests = 10'000;
    daily.per = std::chrono::days{1};
    const collect::BudgetKey key{.platform = "demo", .scope = BudgetScope::app, .id = "default"};
    auto at = kMidnight;
    std::string asked;
    for (const auto pause : {0s, 1s, 1s, 1s, 1s, 20s, 60s, 60s, 60s, 60s, 60s}) {
        at += pause;
        asked += std::to_string(book.portion(key, daily, at)) + " ";
    }
    CHECK(asked == "5 10 20 40 50 50 25 12 6 5 5 ");
    daily.requests = 30;
    CHECK(book.portion({.platform = "small", .scope = BudgetScope::app, .id = "default"}, daily, at) == 1);
}

TEST_CASE("what backfills may not have is still there for regular slots") {
    const auto demo = platform_with({quota(10)});
    const auto key = key_of(demo, account(), BudgetScope::app);
    const auto& daily = demo.limits.front();
    BudgetBook book;
    const auto take = [&](bool backfill, Instant at = kNow) {
        return book.take(demo, account(), "channel", at, backfill);
    };
    book.grant(key, daily, window_of(daily, kNow), 0, true);
    const auto denied = take(true).denial;
    REQUIRE(denied);
    CHECK(denied->until == kMidnight);
    CHECK(denied->reason == "what is left of the limit 'quota' of 10 requests is for regular slots");
    CHECK(take(false).empty == &daily);
    book.grant(key, daily, window_of(daily, kNow), 1);
    CHECK(take(false).reserved);
    CHECK(take(true).denial);
    book.grant(key, daily, window_of(daily, kNow), 0);
    CHECK(take(false).denial);
    CHECK(take(true).denial);
    CHECK(take(true, kMidnight).empty == &daily);
}

TEST_CASE("a portion that a regular slot fetched is not for the backfill beside it") {
    const auto demo = platform_with({quota(1000)});
    const auto key = key_of(demo, account(), BudgetScope::app);
    const auto& daily = demo.limits.front();
    const auto window = window_of(daily, kNow);
    BudgetBook book;
    const auto take = [&](bool backfill) { return book.take(demo, account(), "channel", kNow, backfill); };
    book.grant(key, daily, window, 2, true);
    CHECK(book.granted(key, daily, window) == 2);
    CHECK(take(true).reserved);
    CHECK(take(true).reserved);
    book.grant(key, daily, window, 0, true);
    book.grant(key, daily, window, 5);
    CHECK(book.granted(key, daily, window) == 7);
    CHECK(book.granted(key, daily, window_of(daily, kMidnight)) == 0);
    const auto denied = take(true).denial;
    REQUIRE(denied);
    CHECK(denied->backfill_only);
    for (int i = 0; i < 5; ++i) CHECK(take(false).reserved);
    book.grant(key, daily, window, 0);
    for (const bool backfill : {false, true}) {
        const auto over = take(backfill).denial;
        REQUIRE(over);
        CHECK(over->reason == "the limit 'quota' of 1000 requests is used up");
        CHECK_FALSE(over->backfill_only);
    }
}

TEST_CASE("what was granted before midnight is not spent after it") {
    const auto demo = platform_with({quota(100)});
    const auto& daily = demo.limits.front();
    BudgetBook book;
    book.grant(key_of(demo, account(), BudgetScope::app), daily, window_of(daily, kNow), 100);
    CHECK(book.take(demo, account(), "channel", kMidnight - 1ms).reserved);
    CHECK(book.take(demo, account(), "channel", kMidnight).empty == &daily);
}

TEST_CASE("a turn is taken under every limit or under none") {
    const auto demo = platform_with({limit(1, 1s), quota(100)});
    const auto& daily = demo.limits.back();
    BudgetBook book;
    for (int i = 0; i < 50; ++i) CHECK(book.take(demo, account(), "channel", kNow).empty == &daily);
    book.grant(key_of(demo, account(), BudgetScope::app), daily, window_of(daily, kNow), 100);
    const auto turn = book.take(demo, account(), "channel", kNow);
    CHECK(turn.reserved);
    CHECK_MESSAGE(turn.send_at == kNow, "asking in vain cost nothing of the pace");
}

TEST_CASE("a wait concerns its app, its token or its account and nobody else") {
    struct Case {
        BudgetScope scope;
        bool same_app, same_token, same_account;
    };
    const Case cases[] = {{BudgetScope::app, true, false, false},
                          {BudgetScope::token, false, true, false},
                          {BudgetScope::account, false, false, true}};
    const auto demo = platform_with({});
    auto other = platform_with({});
    other.name = "other";
    for (const auto& [scope, same_app, same_token, same_account] : cases) {
        CAPTURE(to_text(scope));
        BudgetBook book;
        book.block(key_of(demo, account("a", "t", "x"), scope), kNow + 5min, "slow down");
        const auto waits = [&](const platform::Target& who) {
            const auto denial = book.take(demo, who, "any", kNow).denial;
            CHECK(denial.has_value() == book.blocked(demo, who, kNow).has_value());
            if (denial) CHECK(denial->until == kNow + 5min);
            if (denial) CHECK(denial->reason == "slow down");
            return denial.has_value();
        };
        CHECK(waits(account("a", "t", "x")));
        CHECK(waits(account("b", "u", "x")) == same_app);
        CHECK(waits(account("b", "t", "y")) == same_token);
        CHECK(waits(account("a", "u", "y")) == same_account);
        CHECK_FALSE(book.take(other, account("a", "t", "x"), "any", kNow).denial);
        CHECK(book.take(demo, account("a", "t", "x"), "any", kNow + 5min).reserved);
        CHECK_FALSE(book.blocked(demo, account("a", "t", "x"), kNow + 5min));
    }
}

TEST_CASE("a short wait is slept through, then asked about again") {
    const auto demo = platform_with({});
    const auto key = key_of(demo, account(), BudgetScope::account);
    BudgetBook book;
    book.block(key, kNow + BudgetBook::kPatience, "a moment");
    const auto turn = book.take(demo, account(), "any", kNow);
    CHECK_FALSE(turn.denial);
    CHECK_FALSE(turn.reserved);
    CHECK(turn.send_at == kNow + BudgetBook::kPatience);
    CHECK_FALSE(book.blocked(demo, account(), kNow));
    CHECK(book.take(demo, account(), "any", turn.send_at).reserved);
    book.block(key, kNow + BudgetBook::kPatience + 1ms, "longer");
    CHECK(book.take(demo, account(), "any", kNow).denial);
}

TEST_CASE("the longest wait stands, and sweeping forgets none") {
    const auto demo = platform_with({limit(10, 1s)});
    BudgetBook book;
    const auto app = key_of(demo, account(), BudgetScope::app), token = key_of(demo, account(), BudgetScope::token);
    book.block(app, kNow + 1h, "long");
    book.block(app, kNow + 1min, "short");
    book.block(token, kNow + 30min, "token");
    book.sweep(kNow);
    const auto denial = book.blocked(demo, account(), kNow);
    REQUIRE(denial);
    CHECK(denial->until == kNow + 1h);
    CHECK(denial->reason == "long");
    const auto turn = book.take(demo, account(), "any", kNow).denial;
    REQUIRE(turn);
    CHECK(turn->until == denial->until);
    CHECK(turn->reason == denial->reason);
    book.sweep(kNow + 1h);
    CHECK(book.take(demo, account(), "any", kNow + 1h).reserved);
}

TEST_CASE("counters of accounts that were not seen for long are forgotten, those in use are not") {
    auto daily = limit(3, 24h, BudgetScope::account, "daily");
    const auto demo = platform_with({daily});
    BudgetBook book;
    const auto ask = [&](const std::string& id, Instant at) { return book.take(demo, account(id), "any", at); };
    const auto grant = [&](const std::string& id, Instant at, std::int64_t amount) {
        book.grant(key_of(demo, account(id), BudgetScope::account), daily, window_of(daily, at), amount);
    };
    for (int i = 0; i < 1000; ++i) {
        const auto id = std::to_string(i);
        ask(id, kNow);
        grant(id, kNow, 1);
        CHECK(ask(id, kNow).reserved);
    }
    book.sweep(kNow + 2h);
    CHECK_MESSAGE(book.size() >= 1000, "what was used is not reported yet");
    CHECK(book.take_all_used().size() == 1000);
    CHECK(ask("7", kNow + 30min).empty != nullptr);
    grant("7", kNow + 30min, 0);
    book.sweep(kNow + 1h);
    CHECK(book.size() == 1);
    CHECK_MESSAGE(ask("7", kNow + 1h).denial, "used up is not forgotten");
    const auto midnight = window_of(daily, kNow).end;
    ask("7", midnight - 1ms);
    book.sweep(midnight);
    CHECK_MESSAGE(book.size() == 0, "the window is over");
}

TEST_CASE("sweeping between two requests does not raise the pace") {
    const auto demo = platform_with({limit(2, 1s)});
    BudgetBook book;
    std::vector<Instant> times;
    for (auto at = kNow; times.size() < 6;) {
        book.sweep(at);
        const auto turn = book.take(demo, account(), "any", at);
        REQUIRE(turn.reserved);
        times.push_back(turn.send_at);
        at = turn.send_at;
    }
    for (std::size_t i = 2; i < times.size(); ++i) CHECK(times[i] - times[i - 2] >= 1s);
}

TEST_CASE("near the limit requests are spaced, until a reading says otherwise or ten minutes have passed") {
    const auto demo = platform_with({});
    BudgetBook book;
    book.note(demo, account(), {slow_down(2s)}, kNow);
    const auto times = sent(book, demo, 4);
    for (std::size_t i = 0; i < times.size(); ++i) CHECK(times[i] == kNow + 2s * static_cast<int>(i + 1));
    CHECK_MESSAGE(book.take(demo, account("b", "u", "y"), "any", kNow).reserved, "another app");
    CHECK_MESSAGE(sent(book, demo, 2, kNow + 10min)[1] == kNow + 10min, "nothing was heard for long");

    book.note(demo, account(), {slow_down(2s)}, kNow);
    book.note(demo, account(), {slow_down(0s)}, kNow + 1s);
    CHECK(sent(book, demo, 2, kNow + 1s)[1] == kNow + 1s);

    BudgetBook bucket;
    bucket.note(demo, account(), {slow_down(2s, kNow + 5s)}, kNow);
    CHECK_MESSAGE(sent(bucket, demo, 2, kNow + 5s)[1] == kNow + 5s, "the bucket is full again");
}

TEST_CASE("a space that is too long to sit through is a wait with a reason") {
    const auto demo = platform_with({});
    BudgetBook book;
    book.block(key_of(demo, account(), BudgetScope::app), kNow - 1h, "an old story");
    book.note(demo, account(), {slow_down(30s, kNow + 1min)}, kNow);
    const auto denial = book.take(demo, account(), "any", kNow).denial;
    REQUIRE(denial);
    CHECK(denial->until == kNow + 30s);
    CHECK(denial->reason == "app is near its limit: requests are spaced");
}

TEST_CASE("at the stop nothing is sent, and the reason says how full it is") {
    const auto demo = platform_with({});
    BudgetBook book;
    auto full = slow_down(10s);
    full.used = 0.97;
    full.blocked_until = kNow + 5min;
    full.scope = BudgetScope::account;
    book.note(demo, account("a"), {full}, kNow);
    const auto denial = book.blocked(demo, account("a"), kNow);
    REQUIRE(denial);
    CHECK(denial->until == kNow + 5min);
    CHECK(denial->reason == "account is at 97 % of its limit");
    CHECK_FALSE(book.blocked(demo, account("b"), kNow));
}
