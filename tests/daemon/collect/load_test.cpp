// SPDX-License-Identifier: Apache-2.0
// Whether the limits carry the schedules, with the shipped platform files.
#include "daemon/collect/load.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace tally;
using namespace tally::collect;
using namespace std::chrono_literals;
using platform::BudgetScope;
using Counts = std::vector<store::ConnectionCount>;

namespace {

const platform::Catalog& catalog() {
    static const auto shipped = platform::Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
    return shipped;
}

config::Config two_tiers() {
    config::Config config;
    config.tiers["premium"] = {.name = "premium", .every = 15min, .cron = {}, .slack = 15min};
    config.tiers["free"] = {.name = "free", .every = {}, .cron = "0 2 * * *", .spread = 4h, .slack = 24h};
    return config;
}

std::vector<LimitLoad> loads(std::optional<Counts> counts, const config::Config& config = two_tiers()) {
    return load_of({.catalog = catalog(),
                    .config = config,
                    .connections = std::move(counts),
                    .now = parse_instant("2026-11-21T08:00:00Z").value()});
}

LimitLoad load_of_app(const std::vector<LimitLoad>& all, const std::string& platform,
                      const std::string& app = "default") {
    const auto found = std::find_if(all.begin(), all.end(), [&](const LimitLoad& load) {
        return load.platform == platform && load.scope == BudgetScope::app && load.app == app;
    });
    REQUIRE(found != all.end());
    return *found;
}

const TierLoad& tier_of(const LimitLoad& load, const std::string& tier) {
    const auto found =
        std::find_if(load.tiers.begin(), load.tiers.end(), [&](const auto& t) { return t.tier == tier; });
    REQUIRE(found != load.tiers.end());
    return *found;
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("youtube's 10,000 units a day carry 104 channels that are asked every quarter of an hour") {
    const auto load = load_of_app(loads(std::nullopt), "youtube");
    CHECK(load.limit == "data_api");
    CHECK(load.allowed == 10'000);
    const auto &premium = tier_of(load, "premium"), &free = tier_of(load, "free");
    CHECK(premium.each.slots == 96);
    CHECK(premium.each.needed == 96);
    CHECK(premium.most == 104);
    CHECK_FALSE(premium.connections);
    CHECK(free.each.slots == 1);
    CHECK(free.most == 10'000);
}

TEST_CASE("what fits beside the other tiers, exactly and one too many") {
    const auto exact =
        load_of_app(loads(Counts{{"youtube", "", "premium", 104}, {"youtube", "", "free", 16}}), "youtube");
    CHECK(exact.needed == 10'000);
    CHECK(exact.verdict() == LoadVerdict::tight);
    CHECK(tier_of(exact, "premium").most == 104);
    CHECK(tier_of(exact, "free").most == 16);
    const auto over =
        load_of_app(loads(Counts{{"youtube", "", "premium", 105}, {"youtube", "", "free", 16}}), "youtube");
    CHECK(over.verdict() == LoadVerdict::too_much);
    const auto words = advice(over);
    CHECK(contains(words, "exceeded by 96 requests per 1d (10096 needed, 10000 usable)"));
    CHECK(contains(words, "tier 'premium' has 105 connections, 104 fit beside the other tiers"));
    CHECK(contains(words, "collect tier 'premium' less often"));
    CHECK(contains(words, "platforms.youtube.apps"));
    CHECK(load_of_app(loads(Counts{{"youtube", "", "premium", 10}}), "youtube").verdict() == LoadVerdict::fits);
}

TEST_CASE("each app has its own limit; a tier that is not configured counts as the slowest") {
    const auto all = loads(Counts{{"youtube", "", "premium", 2}, {"youtube", "second", "gone", 7}});
    CHECK(load_of_app(all, "youtube").needed == 192);
    const auto second = load_of_app(all, "youtube", "second");
    CHECK(second.needed == 7);
    CHECK(tier_of(second, "free").connections == 7);
    CHECK(tier_of(second, "premium").connections == 0);
}

TEST_CASE("a pace is held against the time that a slot may take") {
    const Counts counts{{"snapchat", "", "premium", 1'000}};
    const auto load = load_of_app(loads(counts), "snapchat");
    CHECK(load.per == 1s);
    CHECK(load.allowed == doctest::Approx(16));  // four fifths of 20: the rest is for bursts
    const auto& premium = tier_of(load, "premium").each;
    CHECK(premium.first >= premium.repeat);
    CHECK(premium.first > 0);
    CHECK(load.needed == doctest::Approx(1'000 * static_cast<double>(premium.first) / 900));
    // The same connections once a night are spread over a day.
    const auto nightly = load_of_app(loads(Counts{{"snapchat", "", "free", 1'000}}), "snapchat");
    CHECK(nightly.needed < load.needed / 50);
}

TEST_CASE("limits of tokens and accounts are held against one connection of the hungriest tier") {
    for (const auto& load : loads(Counts{{"twitch", "", "free", 1'000'000}})) {
        if (load.scope == BudgetScope::app) continue;
        CAPTURE(load.platform);
        CHECK(load.needed > 0);
        CHECK(load.verdict() == LoadVerdict::fits);
        for (const auto& tier : load.tiers) {
            CHECK_FALSE(tier.most);
            CHECK(tier.each.needed <= load.needed);
        }
    }
}

TEST_CASE("days that may change are reread in the first slot of a day only") {
    const auto twitch = loads(std::nullopt);
    const auto found =
        std::find_if(twitch.begin(), twitch.end(), [](const auto& load) { return load.platform == "snapchat"; });
    REQUIRE(found != twitch.end());
    const auto& premium = tier_of(*found, "premium").each;
    CHECK(premium.first > premium.repeat);
}

TEST_CASE("platforms that are switched off and platforms without limits have no line") {
    auto config = two_tiers();
    config.platforms["youtube"].enabled = false;
    for (const auto& load : loads(std::nullopt, config)) {
        CHECK(load.platform != "youtube");
        CHECK(load.platform != "facebook");
    }
    config.tiers.clear();
    CHECK(loads(std::nullopt, config).empty());
}

TEST_CASE("a weekly tier is counted by its busiest day") {
    auto config = two_tiers();
    config.tiers["weekly"] = {.name = "weekly", .every = {}, .cron = "0 3 * * 1", .spread = 1h, .slack = 24h};
    const auto load = load_of_app(loads(Counts{{"youtube", "", "weekly", 50}}, config), "youtube");
    CHECK(tier_of(load, "weekly").each.slots == 1);
    CHECK(load.needed == 50);
}
