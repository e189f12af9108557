// SPDX-License-Identifier: Apache-2.0
// Whatever the order of pages, the zone, the window and what is known already: each number comes once.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <functional>
#include <set>

#include "daemon/platform/extraction.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/platform/request.hpp"
#include "tests/daemon/platform/recorded.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;
using nlohmann::json;
using std::chrono::days;

namespace {

constexpr days kReach{40};

/// The items in pages of their own, linked in the order in which they come.
std::vector<std::string> rows_over(const Platform& platform, const Task& task, const Target& who,
                                   const std::vector<json>& pages,
                                   const std::function<json(const json&, const std::string&)>& answer) {
    Extraction extraction{platform, who, task, at("2026-11-21T20:00:00Z")};
    for (std::size_t i = 0; i < pages.size(); ++i) {
        const bool is_last = i + 1 == pages.size();
        extraction.add_page(answer(pages[i], is_last ? "" : fmt::format("page-{}", i + 2)).dump());
    }
    return rows_of(extraction.finish().samples);
}

json shuffled(std::vector<json> pages) {
    for (std::size_t i = pages.size(); i > 1; --i) std::swap(pages[i - 1], pages[*rc::gen::inRange<std::size_t>(0, i)]);
    return pages;
}

/// Items cut into pages at random places; the last may be empty.
std::vector<json> cut(const std::vector<json>& items) {
    std::vector<json> pages{json::array()};
    for (const auto& item : items) {
        pages.back().push_back(item);
        if (*rc::gen::inRange(0, 3) == 0) pages.push_back(json::array());
    }
    return pages;
}

}  // namespace

TEST_CASE("pages: a sum over campaigns is the same in any order and however they are cut") {
    const auto who = target("42", {{"timezone", "Europe/Berlin"}, {"currency", "EUR"}});
    auto asked = task("snapchat", "campaigns", from_to("2026-10-23", "2026-10-27"));
    asked.metrics = {"impressions", "swipes"};
    const auto answer = [](const json& items, const std::string& next) {
        json paging = json::object();
        if (!next.empty()) paging["next_link"] = "https://adsapi.snapchat.com/v1/" + next;
        return json{{"request_status", "SUCCESS"},
                    {"paging", paging},
                    {"timeseries_stats", {{{"timeseries_stat", {{"breakdown_stats", {{"campaign", items}}}}}}}}};
    };
    CHECK(rc::check([&] {
        std::vector<json> items;
        std::map<std::string, long> sums;
        const auto campaigns = *rc::gen::inRange(1, 12);
        for (int i = 0; i < campaigns; ++i) {
            const auto when = render_day(day("2026-10-23") + days{*rc::gen::inRange(0, 5)});
            const auto value = *rc::gen::inRange(0, 1'000'000);
            const std::string metric = *rc::gen::element("impressions", "swipes");
            sums[when + " " + metric] += value;
            items.push_back(
                {{"id", fmt::format("c{}", i)},
                 {"timeseries", {{{"start_time", when + "T00:00:00.000+01:00"}, {"stats", {{metric, value}}}}}}});
        }
        std::vector<std::string> expected;
        for (const auto& [name, sum] : sums) expected.push_back(fmt::format("{} {}", name, sum));
        const auto pages = cut(items);
        RC_ASSERT(rows_over(shipped("snapchat"), asked, who, pages, answer) == expected);
        RC_ASSERT(rows_over(shipped("snapchat"), asked, who, shuffled(pages), answer) == expected);
    }));
}

TEST_CASE("pages: a count is that of different items, in any order and with some coming twice") {
    const auto asked = task("twitch", "clips", from_to("2026-11-19", "2026-11-19"));
    const auto answer = [](const json& items, const std::string& next) {
        json pagination = json::object();
        if (!next.empty()) pagination["cursor"] = next;
        return json{{"data", items}, {"pagination", pagination}};
    };
    CHECK(rc::check([&] {
        std::set<int> ids;
        std::vector<json> items;
        const auto listed = *rc::gen::inRange(0, 30);
        for (int i = 0; i < listed; ++i) {
            const auto id = *rc::gen::inRange(0, 20);
            ids.insert(id);
            items.push_back({{"id", fmt::format("Clip-{}", id)}});
        }
        const std::vector<std::string> expected{fmt::format("2026-11-19 clips {}", ids.size())};
        const auto pages = cut(items);
        RC_ASSERT(rows_over(shipped("twitch"), asked, target(), pages, answer) == expected);
        RC_ASSERT(rows_over(shipped("twitch"), asked, target(), shuffled(pages), answer) == expected);
    }));
}

TEST_CASE("windows: with any zone and coverage every stamp and moment of a wanted day lies in one window only") {
    // Clock changes at midnight, a day that never was (Apia, 30 December 2011), half hours.
    const std::vector<const char*> zones{"America/Los_Angeles", "Europe/Berlin",  "Australia/Lord_Howe", "Asia/Beirut",
                                         "America/Sao_Paulo",   "Asia/Kathmandu", "Pacific/Apia",        "UTC"};
    CHECK(rc::check([&] {
        auto platform = shipped(*rc::gen::element("instagram", "facebook", "snapchat", "youtube"));
        const auto zone = TimeZone::find(*rc::gen::elementOf(zones)).value();
        platform.day.zone = zone;
        platform.day.stamp_is = *rc::gen::element(DayRule::StampIs::end, DayRule::StampIs::day);
        const auto now = at("2011-12-01T00:00:00Z") + std::chrono::hours{*rc::gen::inRange(0, 24 * 5500)};
        const auto today = zone.day_of(now);
        Coverage coverage;
        for (const auto& request : platform.requests) {
            for (int back = 0; back <= kReach.count(); ++back) {
                if (*rc::gen::arbitrary<bool>())
                    coverage[request.name][today - days{back}] = {DayState::final, now - days{2}};
            }
        }
        const auto tasks = plan({.platform = platform,
                                 .zone = zone,
                                 .coverage = coverage,
                                 .now = now,
                                 .backfill = kReach,
                                 .forced = {},
                                 .max_tasks = 100'000})
                               .tasks;
        std::map<std::string, std::vector<Bounds>> windows;
        std::map<std::string, std::set<Day>> asked;
        for (const auto& task : tasks) {
            if (!task.days) continue;
            windows[task.request->name].push_back(bounds(platform, zone, *task.request, *task.days));
            for (auto day = task.days->first; day <= task.days->last; day += days{1})
                RC_ASSERT(asked[task.request->name].insert(day).second);
        }
        for (const auto& request : platform.requests) {
            if (request.window == Request::Window::now || offered(platform, request, today).empty()) continue;
            const auto reach = std::min(request.history, kReach);
            const auto last = request.every == Request::Every::slot ? today : today - days{1};
            for (auto day = today - reach; day <= last; day += days{1}) {
                const bool open =
                    !coverage[request.name].contains(day) || (day == today && request.every == Request::Every::slot);
                RC_ASSERT(asked[request.name].contains(day) == open);
                // The day that Apia never had begins and ends in the same moment.
                const auto begin = zone.start_of(day), end = zone.end_of(day);
                if (begin == end) continue;
                const auto stamp = platform.day.stamp_is == DayRule::StampIs::end ? end : begin;
                const auto holds = [&](const Bounds& window) {
                    return request.stamp_bounds ? window.start <= stamp && stamp <= window.end
                                                : window.start <= begin && end <= window.end;
                };
                const auto& all = windows[request.name];
                const auto inside = std::count_if(all.begin(), all.end(), holds);
                RC_ASSERT(inside == (open ? 1 : 0));
            }
        }
    }));
}
