// SPDX-License-Identifier: Apache-2.0
// Which days are asked for, and in which windows.
#include "daemon/platform/plan.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;
using std::chrono::days;

namespace {

const auto kNow = test::at("2026-11-21T20:00:00Z");  // noon in Los Angeles

struct Situation {
    const char* platform = "instagram";
    TimeZone zone = TimeZone::find("America/Los_Angeles").value();
    Coverage coverage = {};
    Instant now = kNow;
    days backfill{30};
    std::optional<DayRange> forced = {};

    std::optional<Instant> forced_since = {};
    std::map<std::string, std::string> attributes = {};
    Part part = Part::all;
    MetricSets avoid = {}, probe = {};
    std::size_t max_tasks = 100'000;

    Plan whole() const {
        return platform::plan({.platform = shipped(platform),
                               .zone = zone,
                               .coverage = coverage,
                               .now = now,
                               .backfill = backfill,
                               .forced = forced,
                               .forced_since = forced_since,
                               .attributes = attributes,
                               .part = part,
                               .avoid = avoid,
                               .probe = probe,
                               .max_tasks = max_tasks});
    }
    std::vector<Task> plan() const { return whole().tasks; }
    std::vector<DayRange> windows(std::string_view request) const {
        std::vector<DayRange> result;
        for (const auto& task : plan())
            if (task.request->name == request && task.days) result.push_back(*task.days);
        return result;
    }
};

using Windows = std::vector<DayRange>;

}  // namespace

TEST_CASE("a new connection is filled back, the newest first, within the longest window") {
    const Situation fresh;
    CHECK(fresh.windows("reach") == Windows{from_to("2026-10-23", "2026-11-20"), from_to("2026-10-22", "2026-10-22")});
    CHECK(fresh.windows("new_followers") == Windows{from_to("2026-10-24", "2026-11-20")});  // its own history
    const auto totals = fresh.windows("totals");
    REQUIRE(totals.size() == 30);
    CHECK(totals.front() == from_to("2026-11-20", "2026-11-20"));
    CHECK(totals.back() == from_to("2026-10-22", "2026-10-22"));
}

TEST_CASE("what exists only now goes first, then days in falling order over all requests") {
    const auto tasks = Situation{}.plan();
    REQUIRE(tasks.front().request->name == "profile");
    CHECK_FALSE(tasks.front().days);
    CHECK(tasks.front().metrics == std::vector<std::string>{"followers_count", "follows_count", "media_count"});
    const auto past = std::find_if(tasks.begin(), tasks.end(), [](const Task& task) { return task.days.has_value(); });
    REQUIRE(past != tasks.end());
    for (auto task = past; task != tasks.end(); ++task) {
        REQUIRE(task->days);
        CHECK((task == past || task->days->last <= std::prev(task)->days->last));
    }
}

TEST_CASE("today belongs to requests of each slot only, in the zone of the account") {
    // 20:00 UTC is already tomorrow in Tokyo, and in Kathmandu (+05:45).
    for (const auto* zone : {"Asia/Tokyo", "Asia/Kathmandu"}) {
        Situation there{.platform = "snapchat", .zone = TimeZone::find(zone).value()};
        there.backfill = days{2};
        CHECK(there.windows("spend") == Windows{from_to("2026-11-20", "2026-11-22")});
    }
    Situation here{.platform = "snapchat"};
    here.backfill = days{2};
    CHECK(here.windows("spend") == Windows{from_to("2026-11-19", "2026-11-21")});
    Situation facebook{.platform = "facebook"};
    facebook.backfill = days{2};
    CHECK(facebook.windows("insights") == Windows{from_to("2026-11-19", "2026-11-20")});
}

TEST_CASE("each state decides whether a day is asked for again") {
    const auto this_morning = at("2026-11-21T08:00:00Z"),
               last_night = at("2026-11-21T07:59:59Z");  // around midnight there
    struct Case {
        DayState state;
        Instant asked;
        bool again;
    };
    const Case cases[] = {
        {DayState::final, last_night, false},      {DayState::empty, last_night, false},
        {DayState::provisional, last_night, true}, {DayState::provisional, this_morning, false},
        {DayState::pending, last_night, true},     {DayState::pending, this_morning, false},
        {DayState::refused, last_night, true},     {DayState::refused, this_morning, false},
    };
    for (const auto& [state, asked, again] : cases) {
        CAPTURE(to_text(state));
        Situation known;
        known.backfill = days{1};
        known.coverage["reach"][day("2026-11-20")] = {state, asked};
        CHECK(known.windows("reach").size() == (again ? 1 : 0));
    }
}

TEST_CASE("a provisional day is asked for until it is final, however old it is") {
    Situation old;
    for (auto d = day("2026-10-22"); d <= day("2026-11-20"); d += days{1})
        old.coverage["reach"][d] = {DayState::final, at("2026-11-20T20:00:00Z")};
    old.coverage["reach"][day("2026-10-25")].state = DayState::provisional;
    CHECK(old.windows("reach") == Windows{from_to("2026-10-25", "2026-10-25")});
}

TEST_CASE("the running day is asked for in each slot, the days before only once a day") {
    Situation busy{.platform = "snapchat"};
    busy.backfill = days{3};
    for (const auto* d : {"2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"})
        busy.coverage["spend"][day(d)] = {DayState::provisional, at("2026-11-21T19:45:00Z")};
    CHECK(busy.windows("spend") == Windows{from_to("2026-11-21", "2026-11-21")});
    busy.now = at("2026-11-22T08:00:00Z");  // midnight
    CHECK(busy.windows("spend") == Windows{from_to("2026-11-19", "2026-11-22")});
}

TEST_CASE("holes divide windows") {
    Situation holes;
    holes.backfill = days{6};
    holes.coverage["reach"][day("2026-11-17")] = {DayState::final, kNow};
    CHECK(holes.windows("reach") == Windows{from_to("2026-11-18", "2026-11-20"), from_to("2026-11-15", "2026-11-16")});
}

TEST_CASE("forced days are asked for whatever is known, and nothing else is") {
    Situation forced;
    forced.coverage["reach"][day("2026-11-10")] = {DayState::final, kNow};
    forced.forced = from_to("2026-11-10", "2026-11-11");
    CHECK(forced.windows("reach") == Windows{from_to("2026-11-10", "2026-11-11")});
    for (const auto& task : forced.plan()) CHECK(task.days);  // no profile: today is not among them
    forced.forced = from_to("2026-11-20", "2026-11-25");
    CHECK(forced.windows("reach") == Windows{from_to("2026-11-20", "2026-11-20")});  // up to the last one that is over
    CHECK_FALSE(forced.plan().front().days);
    forced.forced = from_to("2020-01-01", "2020-01-31");  // before the history
    CHECK(forced.plan().empty());
    forced.forced = from_to("2026-09-01", "2026-10-25");  // older than the backfill, but not than the history
    CHECK(forced.windows("reach").back().first == day("2026-09-01"));
    CHECK(forced.windows("new_followers") == Windows{from_to("2026-10-24", "2026-10-25")});
}

TEST_CASE("a metric is asked for between its dates only") {
    const auto text = R"(
platform: p
title: P
source: ads
api: { base_url: "https://p.example" }
day: { zone: UTC, final_after: 1d, history: 30d }
metrics:
  old: { unit: count, until: 2026-11-21 }
  new: { unit: count, since: 2026-11-21 }
requests:
  both: { every: slot, window: now, path: /x, rows: { shape: object, at: "" }, metrics: [old, new] }
  gone: { every: slot, window: now, path: /x, rows: { shape: object, at: "" }, metrics: [old] }
errors: { message: /m, rules: [] }
)";
    const auto platform = load_platform(YamlNode::parse(text, "p.yaml"));
    const Coverage none;
    const auto asked = [&](const char* when) {
        std::string result;
        const auto planned = plan({.platform = platform,
                                   .zone = TimeZone::utc(),
                                   .coverage = none,
                                   .now = at(when),
                                   .backfill = days{1},
                                   .forced = {}});
        for (const auto& task : planned.tasks)
            for (const auto& metric : task.metrics) result += task.request->name + "." + metric + " ";
        return result;
    };
    CHECK(asked("2026-11-20T23:59:59Z") == "both.old gone.old ");
    CHECK(asked("2026-11-21T00:00:00Z") == "both.new ");
}

TEST_CASE("a run takes the newest of a long plan and tells what is left; what exists now always fits") {
    Situation fresh;
    const auto all = fresh.whole();
    CHECK(all.left == 0);
    fresh.max_tasks = 20;
    const auto part = fresh.whole();
    REQUIRE(part.tasks.size() == 20);
    CHECK(part.left == all.tasks.size() - 20);
    for (std::size_t i = 0; i < 20; ++i) {
        CHECK(part.tasks[i].request == all.tasks[i].request);
        CHECK(part.tasks[i].days == all.tasks[i].days);
    }
    fresh.max_tasks = 1;  // fewer than exist now: all of these, and one day, so that every run gets on
    const auto least = fresh.whole();
    const auto days_in =
        std::count_if(least.tasks.begin(), least.tasks.end(), [](const Task& task) { return task.days; });
    CHECK(days_in == 1);
    CHECK(least.tasks.size() + least.left == all.tasks.size());
}

TEST_CASE("a long backfill goes on where it was: what was asked since it was wanted is done") {
    Situation forced;
    forced.forced = from_to("2026-11-10", "2026-11-12");
    forced.forced_since = at("2026-11-21T12:00:00Z");
    forced.coverage["reach"] = {{day("2026-11-10"), {DayState::final, at("2026-11-21T11:59:59Z")}},
                                {day("2026-11-11"), {DayState::pending, at("2026-11-21T12:00:00Z")}},
                                {day("2026-11-12"), {DayState::refused, at("2026-11-21T19:00:00Z")}}};
    CHECK(forced.windows("reach") == Windows{from_to("2026-11-10", "2026-11-10")});
    forced.forced_since.reset();
    CHECK(forced.windows("reach") == Windows{from_to("2026-11-10", "2026-11-12")});
}

TEST_CASE("quarantined metrics are left out, a quarantined request whole") {
    Situation sick;
    sick.backfill = days{1};
    sick.avoid["totals"] = {"likes", "views"};
    sick.avoid["reach"] = {""};
    sick.avoid["new_followers"] = {"follower_count"};
    std::size_t seen = 0;
    for (const auto& task : sick.plan()) {
        CHECK(task.request->name != "reach");
        CHECK(task.request->name != "new_followers");  // nothing of it is left
        CHECK_FALSE(task.is_probe);
        if (task.request->name != "totals") continue;
        ++seen;
        CHECK(task.metrics == std::vector<std::string>{"reach", "accounts_engaged", "total_interactions", "comments",
                                                       "shares", "saves", "replies", "reposts", "profile_links_taps"});
    }
    CHECK(seen == 1);
}

TEST_CASE("a probe asks for its metric alone, once, and not in the request itself") {
    Situation sick;
    sick.backfill = days{3};
    sick.avoid["totals"] = {"views"};
    sick.probe["totals"] = {"likes"};
    std::size_t probes = 0, others = 0;
    for (const auto& task : sick.plan()) {
        if (task.request->name != "totals") continue;
        (task.is_probe ? probes : others) += 1;
        const bool has_likes = std::find(task.metrics.begin(), task.metrics.end(), "likes") != task.metrics.end();
        CHECK(has_likes == task.is_probe);
        if (task.is_probe) {
            CHECK(task.metrics.size() == 1);
            CHECK(task.days == from_to("2026-11-20", "2026-11-20"));  // the newest
        }
    }
    CHECK(probes == 1);
    CHECK(others == 3);
}

TEST_CASE("a request that makes no sense for the account is not made") {
    const auto asks = [](std::map<std::string, std::string> attributes) {
        Situation channel{.platform = "twitch", .attributes = std::move(attributes)};
        const auto tasks = channel.plan();
        return std::any_of(tasks.begin(), tasks.end(),
                           [](const Task& task) { return task.request->name == "subscriptions"; });
    };
    CHECK(asks({{"broadcaster_type", "affiliate"}}));
    CHECK(asks({{"broadcaster_type", "partner"}}));
    CHECK_FALSE(asks({{"broadcaster_type", ""}}));
    CHECK_FALSE(asks({}));
}

TEST_CASE("a number of the moment may be asked for once a day") {
    Situation known;
    const auto asked = [&] {
        const auto tasks = known.plan();
        return std::any_of(tasks.begin(), tasks.end(),
                           [](const Task& task) { return task.request->name == "demographics_by_age"; });
    };
    CHECK(asked());
    known.coverage["demographics_by_age"][day("2026-11-21")] = {DayState::pending, kNow};
    CHECK_FALSE(asked());
    known.now = at("2026-11-22T07:59:59Z");
    CHECK_FALSE(asked());
    known.now = at("2026-11-22T08:00:00Z");  // midnight
    CHECK(asked());
}

TEST_CASE("a plan covers each wanted day exactly once, in windows no longer than allowed") {
    const auto zones = {"America/Los_Angeles", "Asia/Kathmandu", "Europe/Berlin", "Pacific/Apia"};
    const auto holds = rc::check([&] {
        Situation any{.platform = *rc::gen::element("instagram", "facebook", "youtube", "snapchat"),
                      .zone = TimeZone::find(*rc::gen::elementOf(std::vector<const char*>(zones))).value()};
        any.now = kNow + std::chrono::hours{*rc::gen::inRange(-24 * 400, 24 * 400)};
        any.backfill = days{*rc::gen::inRange(1, 120)};
        const auto today = any.zone.day_of(any.now);
        // Not 24 hours before now: late on a day of 25 hours that is today still.
        const auto before_today = any.zone.start_of(today) - std::chrono::microseconds{1};
        std::map<std::string, std::set<Day>> wanted;
        for (const auto& request : shipped(any.platform).requests) {
            if (request.window == Request::Window::now) continue;
            const bool slot = request.every == Request::Every::slot;
            for (int back = slot ? 0 : 1; back <= 130; ++back) {
                const auto d = today - days{back};
                const auto state = *rc::gen::inRange(0, 6);
                const bool yesterday = *rc::gen::arbitrary<bool>();
                if (state < 5)
                    any.coverage[request.name][d] = {static_cast<DayState>(state), yesterday ? before_today : any.now};
                if (days{back} > std::min(any.backfill, request.history)) continue;
                const bool open = state >= 1 && state != 3 && state < 5;
                if (state == 5 || back == 0 || (open && yesterday)) wanted[request.name].insert(d);
            }
        }
        for (const auto& task : any.plan()) {
            if (!task.days) continue;
            const auto length = task.days->last - task.days->first + days{1};
            RC_ASSERT(length >= days{1});
            RC_ASSERT(length <= task.request->window_days);
            for (auto d = task.days->first; d <= task.days->last; d += days{1})
                RC_ASSERT(wanted[task.request->name].erase(d) == 1);
        }
        for (const auto& [request, left] : wanted) RC_ASSERT(left.empty());
    });
    CHECK(holds);
}

TEST_CASE("a regular slot makes up for one night, and leaves older gaps for the time that is left") {
    Situation all;
    const auto whole = all.whole();
    Situation regular = all, gaps = all;
    regular.part = Part::regular;
    gaps.part = Part::gaps;
    const auto now_part = regular.whole(), rest = gaps.whole();
    const auto today = all.zone.day_of(all.now);
    for (const auto& task : now_part.tasks) {
        if (!task.days) continue;
        CHECK(today - task.days->last <= std::chrono::ceil<days>(task.request->final_after) + kNewDays);
    }
    REQUIRE_FALSE(rest.tasks.empty());
    for (const auto& task : rest.tasks) {
        REQUIRE(task.days);
        CHECK(today - task.days->last > std::chrono::ceil<days>(task.request->final_after) + kNewDays);
    }
    CHECK(now_part.left == rest.tasks.size());
    CHECK(rest.left == 0);
    CHECK(now_part.tasks.size() + rest.tasks.size() == whole.tasks.size());
}

TEST_CASE("a range that reaches back from a new day is asked for in one piece") {
    Situation s{.platform = "youtube"};
    s.part = Part::regular;
    const auto plan = s.whole();
    CHECK(plan.left == 0);
    CHECK(std::any_of(plan.tasks.begin(), plan.tasks.end(),
                      [](const Task& task) { return task.days && task.days->last - task.days->first >= days{20}; }));
}

TEST_CASE("days asked for by hand have no parts") {
    Situation s;
    s.forced = DayRange{parse_day("2026-10-01").value(), parse_day("2026-11-20").value()};
    const auto whole = s.whole().tasks.size();
    s.part = Part::regular;
    CHECK(s.whole().tasks.size() == whole);
    s.part = Part::gaps;
    CHECK(s.whole().tasks.size() == whole);
}
