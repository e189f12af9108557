// SPDX-License-Identifier: Apache-2.0
// What is known of days: each state, each reason why a day cannot be known, and which metrics go together.
#include "daemon/platform/knowledge.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;

namespace {

const auto kNow = at("2026-11-21T20:00:00Z");
const auto kAsked = at("2026-11-21T10:00:00Z");

struct Situation {
    Platform platform = shipped("instagram");
    TimeZone zone = TimeZone::find("America/Los_Angeles").value();
    Coverage coverage = {};
    std::map<std::string, std::string> attributes = {};
    MetricSets refused = {};
    NumberDays numbers = {};
    Instant now = kNow;
    Instant connected_at = at("2026-11-16T20:00:00Z");
    DayRange range = from_to("2026-11-15", "2026-11-22");

    Metric& metric(std::string_view name) {
        return *std::find_if(platform.metrics.begin(), platform.metrics.end(),
                             [&](const Metric& each) { return each.name == name; });
    }
    std::vector<MetricDays> all() const {
        return knowledge({.platform = platform,
                          .zone = zone,
                          .coverage = coverage,
                          .attributes = attributes,
                          .refused = refused,
                          .numbers = numbers,
                          .now = now,
                          .connected_at = connected_at,
                          .range = range});
    }
    /// "F N…": a letter a day.
    std::string days(std::string_view request, std::string_view metric_name) const {
        for (const auto& entry : all()) {
            if (entry.request->name != request ||
                std::find(entry.metrics.begin(), entry.metrics.end(), metric_name) == entry.metrics.end())
                continue;
            std::string text;
            auto expected = range.first;
            for (const auto& span : entry.days) {
                CHECK(span.days.first == expected);  // every day once
                expected = span.days.last + std::chrono::days{1};
                text.append(static_cast<std::size_t>((expected - span.days.first).count()),
                            "FPWERN."[static_cast<int>(span.state)]);
            }
            CHECK(expected == range.last + std::chrono::days{1});
            return text;
        }
        return "absent";
    }
    void cover(const std::string& request, std::string_view on, DayState state) {
        coverage[request][day(on)] = {.state = state, .asked_at = kAsked};
    }
};

}  // namespace

TEST_CASE("a day has the state of its request, else it is a gap or cannot be known") {
    Situation seen;
    seen.cover("reach", "2026-11-15", DayState::final);
    seen.cover("reach", "2026-11-16", DayState::empty);
    seen.cover("reach", "2026-11-17", DayState::refused);
    seen.cover("reach", "2026-11-19", DayState::provisional);
    seen.cover("reach", "2026-11-20", DayState::pending);
    CHECK(seen.days("reach", "reach") == "FERNPW..");  // today runs still, tomorrow is the future
    CHECK(to_text(Knowledge::never_asked) == "never_asked");
}

TEST_CASE("the account's zone decides which day is today") {
    Situation seen;
    seen.now = at("2026-11-22T06:00:00Z");  // the evening of the 21st there
    CHECK(seen.days("reach", "reach") == "NNNNNN..");
    seen.zone = TimeZone::utc();
    CHECK(seen.days("reach", "reach") == "NNNNNNN.");
}

TEST_CASE("before a request's history nothing can be known, unless it was asked in time") {
    Situation seen;
    seen.range = from_to("2026-10-22", "2026-10-26");
    CHECK(seen.days("new_followers", "follower_count") == "..NNN");  // 28 days
    seen.cover("new_followers", "2026-10-22", DayState::final);
    CHECK(seen.days("new_followers", "follower_count") == "F.NNN");
    CHECK(seen.days("reach", "reach") == "NNNNN");
}

TEST_CASE("a metric exists from its first day until before its last, and leaves its neighbours alone") {
    Situation seen;
    for (const auto* on : {"2026-11-15", "2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"})
        seen.cover("totals", on, DayState::final);
    seen.metric("likes").since = day("2026-11-17");
    seen.metric("saves").until = day("2026-11-18");
    CHECK(seen.days("totals", "likes") == "..FFFF..");
    CHECK(seen.days("totals", "saves") == "FFF.....");
    CHECK(seen.days("totals", "views") == "FFFFFF..");
}

TEST_CASE("a refused metric keeps the days that it was answered for") {
    Situation seen;
    for (const auto* on : {"2026-11-15", "2026-11-16", "2026-11-17"}) seen.cover("totals", on, DayState::final);
    seen.refused["totals"].insert("saves");
    seen.numbers["totals"]["saves"][day("2026-11-15")] = kAsked;
    CHECK(numbers_wanted(seen.platform, seen.refused).at("totals") == std::set<std::string>{"saves"});
    CHECK(seen.days("totals", "saves") == "FRRRRR..");
    CHECK(seen.days("totals", "likes") == "FFFNNN..");
}

TEST_CASE("a refused request has no gaps") {
    Situation seen;
    seen.cover("old_totals", "2026-11-15", DayState::final);
    seen.refused["old_totals"].insert("");
    CHECK(seen.days("old_totals", "profile_views") == "FRRRRR..");
}

TEST_CASE("numbers of the moment begin with the connection and cannot be asked for later") {
    Situation seen;
    seen.cover("demographics_by_age", "2026-11-18", DayState::final);
    CHECK(seen.days("demographics_by_age", "follower_demographics") == ".NNFNNN.");
}

TEST_CASE("numbers of the moment of every slot are known by their rows, and final once their day has ended") {
    Situation seen;
    CHECK(numbers_wanted(seen.platform, {}).at("profile").size() == 3);
    seen.numbers["profile"]["followers_count"] = {
        {day("2026-11-16"), kAsked}, {day("2026-11-18"), kAsked}, {day("2026-11-21"), kNow}};
    seen.numbers["profile"]["media_count"] = {{day("2026-11-16"), kNow}};
    CHECK(seen.days("profile", "followers_count") == ".FNFNNP.");
    CHECK(seen.days("profile", "media_count") == ".FNENNW.");  // asked with the others, and there was none
}

TEST_CASE("metrics of which the same is known stand together, in the order of the file") {
    Situation seen;
    seen.refused["totals"].insert("saves");
    std::vector<std::vector<std::string>> totals;
    for (const auto& entry : seen.all())
        if (entry.request->name == "totals") totals.push_back(entry.metrics);
    REQUIRE(totals.size() == 2);
    CHECK(totals[0].front() == "views");  // reach is only compared there
    CHECK(totals[0].size() == 9);
    CHECK(totals[1] == std::vector<std::string>{"saves"});
    CHECK(seen.all().front().request->name == "profile");
}

TEST_CASE("neighbouring days of a state are one stretch with its latest answer") {
    Situation seen;
    seen.range = from_to("2026-11-15", "2026-11-17");
    seen.cover("reach", "2026-11-15", DayState::final);
    seen.cover("reach", "2026-11-16", DayState::final);
    seen.coverage["reach"][day("2026-11-16")].asked_at = kNow;
    for (const auto& entry : seen.all()) {
        if (entry.request->name != "reach") continue;
        const std::vector<KnownSpan> expected{{from_to("2026-11-15", "2026-11-16"), Knowledge::final, kNow},
                                              {from_to("2026-11-17", "2026-11-17"), Knowledge::never_asked, {}}};
        CHECK(entry.days == expected);
    }
}

TEST_CASE("requests that make no sense for the account are left out, unless something is known") {
    Situation seen{.platform = shipped("twitch")};
    CHECK(seen.days("subscriptions", "subscribers") == "absent");
    seen.attributes["broadcaster_type"] = "partner";
    CHECK(seen.days("subscriptions", "subscribers") == ".NNNNNN.");
}
