// SPDX-License-Identifier: Apache-2.0
// What ends soon, whom it concerns, and the alerts about it: one for each stage, over when it is.
#include "daemon/collect/radar.hpp"

#include <doctest/doctest.h>

#include "tests/daemon/collect/shared_book.hpp"

using namespace tally;
using collect::Ending;
using collect::Platforms;
using collect::RadarFacts;
using std::chrono::days;

namespace {

const Day kToday = parse_day("2026-11-21").value();

/// A platform that asks for views, reach and shares.
platform::Platform demo() {
    platform::Platform platform;
    platform.name = "demo";
    platform.api.version = "v25.0";
    for (const auto* name : {"views", "reach", "shares", "forgotten"}) {
        platform.metrics.emplace_back();
        platform.metrics.back().name = name;
    }
    platform.requests.resize(2);
    platform.requests[0].name = "daily";
    platform.requests[0].metrics = {"views", "reach", "shares"};
    platform.requests[1].name = "extra";
    platform.requests[1].metrics = {"views"};
    platform.requests[1].optional = true;
    return platform;
}

platform::Platform with_end(const std::string& metric, Day until, const std::string& instead = "") {
    auto platform = demo();
    for (auto& known : platform.metrics) {
        if (known.name != metric) continue;
        known.until = until;
        known.replaced_by = instead;
    }
    return platform;
}

Platforms all(platform::Platform platform) {
    return {std::make_shared<const platform::Platform>(std::move(platform))};
}

RadarFacts facts(std::int64_t connections = 12) {
    return {.connections = {{"demo", connections}}, .refused = {}};
}

/// "kind subject; …" of an end that is so many days away.
std::string told(int days_left, std::int64_t connections = 12) {
    std::string text;
    for (const auto& alert : collect::radar_alerts(
             collect::ending(all(with_end("reach", kToday + days{days_left})), kToday, facts(connections))))
        text += alert.kind + " " + alert.subject + "; ";
    return text;
}

}  // namespace

TEST_CASE("ends are told with days left, connections and what replaces them, the nearest first") {
    auto platform = with_end("reach", kToday + days{300}, "views");
    platform.api.version_until = kToday + days{20};
    const auto endings = collect::ending(all(platform), kToday, facts());
    REQUIRE(endings.size() == 2);
    CHECK(endings[0].what == Ending::What::version);
    CHECK(endings[0].name == "v25.0");
    CHECK(endings[0].days_left == 20);
    CHECK(endings[0].connections == 12);
    CHECK(endings[1].what == Ending::What::metric);
    CHECK(endings[1].platform == "demo");
    CHECK(endings[1].name == "reach");
    CHECK(endings[1].until == kToday + days{300});
    CHECK(endings[1].days_left == 300);
    CHECK(endings[1].replaced_by == "views");
    CHECK_FALSE(endings[1].since);
    CHECK(collect::ending(all(platform), kToday, {})[0].connections == 0);
}

TEST_CASE("what is over, what nobody asks for and what has no end is not told") {
    const auto count = [](const platform::Platform& platform) {
        return collect::ending(all(platform), kToday, facts()).size();
    };
    CHECK(count(demo()) == 0);
    CHECK(count(with_end("reach", kToday + days{1})) == 1);
    CHECK(count(with_end("reach", kToday)) == 0);
    CHECK(count(with_end("forgotten", kToday + days{5})) == 0);
    auto old_version = demo();
    old_version.api.version_until = kToday - days{1};
    CHECK(count(old_version) == 0);
}

TEST_CASE("what is refused is told too, once a metric, since the first time; what not every account has is not") {
    auto platform = with_end("reach", kToday + days{30}, "views");
    platform.metrics[2].optional = true;  // shares
    auto known = facts();
    const auto refused = [](const std::string& request, const std::string& metric, bool everywhere, int days_ago) {
        return RadarFacts::Refused{.platform = "demo",
                                   .request = request,
                                   .metric = metric,
                                   .everywhere = everywhere,
                                   .connections = everywhere ? 0 : 2,
                                   .since = kToday - days{days_ago}};
    };
    known.refused = {refused("daily", "views", false, 3), refused("daily", "reach", true, 5),
                     refused("daily", "", false, 1),      refused("daily", "shares", false, 9),
                     refused("extra", "views", false, 9), refused("removed", "views", false, 9)};
    known.refused.push_back(refused("daily", "views", false, 3));
    known.refused.back().platform = "other";
    const auto endings = collect::ending(all(platform), kToday, known);
    REQUIRE(endings.size() == 3);
    CHECK(endings[0].name == "reach");  // refused already, though it should last for another month
    CHECK(endings[0].since == kToday - days{5});
    CHECK(endings[0].days_left == 30);
    CHECK(endings[0].connections == 12);
    CHECK(endings[1].name == "views");
    CHECK(endings[1].since == kToday - days{3});
    CHECK_FALSE(endings[1].until);
    CHECK(endings[1].connections == 2);
    CHECK(endings[2].what == Ending::What::request);
    CHECK(endings[2].name == "daily");
}

TEST_CASE("an alert comes 60 days ahead and another one 14 days ahead, where anybody is concerned") {
    CHECK(told(61).empty());
    CHECK(told(60) == "metric_ending demo reach 60d; ");
    CHECK(told(15) == "metric_ending demo reach 60d; ");
    CHECK(told(14) == "metric_ending demo reach 14d; ");
    CHECK(told(1) == "metric_ending demo reach 14d; ");
    CHECK(told(0).empty());
    CHECK(told(30, 0).empty());
}

TEST_CASE("an alert says until when, whom it concerns and what to do") {
    auto platform = with_end("reach", kToday + days{10}, "views");
    platform.api.version_until = kToday + days{1};
    const auto alerts = collect::radar_alerts(collect::ending(all(platform), kToday, facts(1)));
    REQUIRE(alerts.size() == 2);
    CHECK(alerts[0].kind == "version_ending");
    CHECK(alerts[0].subject == "demo v25.0 14d");
    CHECK(alerts[0].message ==
          "the version is usable until 2026-11-21, 1 day left; concerns 1 connection; set api.version of its platform "
          "file to a newer one");
    CHECK(alerts[1].message ==
          "the metric can be asked for until 2026-11-30, 10 days left; concerns 1 connection; use 'views' instead");
}

TEST_CASE("each stage is one open alert over all nodes, and is over when it is or is not said any more") {
    test::SharedBook shared;
    shared.database.execute("INSERT INTO users (user_id, tier, zone) VALUES ('u', 'free', 'UTC')");
    shared.database.execute(
        "INSERT INTO connections (user_id, platform, account_id, credential, state) VALUES ('u', 'demo', 'a', '', "
        "'active'), ('u', 'demo', 'b', '', 'gone'), ('u', 'other', 'a', '', 'active')");
    const auto until = kToday + days{70};
    auto platforms = all(with_end("reach", until));
    const auto source = [&platforms] { return platforms; };
    collect::Radar first{shared.loop.get_executor(), shared.threads, shared.pool, source};
    collect::Radar second{shared.loop.get_executor(), shared.threads, shared.pool, source};
    const auto look = [&](int days_left) {
        shared.await(first.run_once(until - days{days_left}));
        shared.await(second.run_once(until - days{days_left}));
        return shared.database.value(
            "SELECT coalesce(string_agg(kind || ' ' || subject, '; '), '') FROM alerts WHERE resolved_at IS NULL");
    };
    const auto raised = [&] { return shared.database.value("SELECT count(*) FROM alerts"); };
    CHECK(look(61).empty());
    CHECK(look(60) == "metric_ending demo reach 60d");
    CHECK(look(59) == "metric_ending demo reach 60d");
    CHECK(raised() == "1");
    CHECK(shared.database.value("SELECT message LIKE '%59 days left; concerns 1 connection' FROM alerts") == "true");
    CHECK(look(14) == "metric_ending demo reach 14d");
    CHECK(raised() == "2");
    CHECK(look(0).empty());
    CHECK(look(20) == "metric_ending demo reach 60d");
    platforms = all(demo());
    CHECK_MESSAGE(look(19).empty(), "the file does not say so any more");
    CHECK(raised() == "3");
}
