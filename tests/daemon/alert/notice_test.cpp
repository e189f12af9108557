// SPDX-License-Identifier: Apache-2.0
// What is told, when, and in which words.
#include "daemon/alert/notice.hpp"

#include <doctest/doctest.h>

using namespace tally;
using namespace tally::alert;
using namespace std::chrono_literals;

namespace {

const Instant kNow = parse_instant("2026-11-22T03:00:00Z").value();

Alert open(std::int64_t id, const std::string& kind, Instant raised = kNow - 1h) {
    return {.id = id,
            .kind = kind,
            .subject = "s" + std::to_string(id),
            .message = "m",
            .raised_at = raised,
            .told_at = {},
            .resolved_at = {}};
}
Alert told(Alert alert, Instant at) {
    alert.told_at = at;
    return alert;
}
Alert over(Alert alert) {
    alert.resolved_at = kNow - 1min;
    return alert;
}

}  // namespace

TEST_CASE("a thousand accounts that fail for one cause are one message") {
    std::vector<Alert> alerts;
    for (int id = 1; id <= 1'200; ++id) alerts.push_back(open(id, "needs_authorization"));
    alerts.push_back(open(2'000, "platform_down"));
    const auto told_now = notices(alerts, {}, kNow);
    REQUIRE(told_now.size() == 2);
    CHECK(told_now[0].title == "1,200 connections need authorization");
    CHECK(told_now[0].lines.size() == kMostLines);
    CHECK(told_now[0].lines[0] == "s1: m");
    CHECK(told_now[0].count == 1'200);
    CHECK(told_now[0].alerts.size() == 1'200);
    CHECK_FALSE(told_now[0].urgent);
    CHECK(told_now[1].title == "a platform is down");
    CHECK(told_now[1].urgent);
}

TEST_CASE("what passes within half a minute is nobody's business") {
    CHECK(notices({open(1, "given_up", kNow - kSettle + 1s)}, {}, kNow).empty());
    CHECK(notices({open(1, "given_up", kNow - kSettle)}, {}, kNow).size() == 1);
    CHECK(notices({over(open(1, "given_up"))}, {}, kNow).empty());
}

TEST_CASE("the next of the same kind wait for the interval, other kinds do not") {
    const Policy policy{.interval = 15min};
    const auto first = told(open(1, "given_up"), kNow - 5min);
    CHECK(notices({first, open(2, "given_up"), open(3, "stale")}, policy, kNow).size() == 1);
    const auto later = notices({first, open(2, "given_up")}, policy, kNow + 10min);
    REQUIRE(later.size() == 1);
    CHECK(later[0].alerts == std::vector<std::int64_t>{2});
}

TEST_CASE("what stays open is told again, unless somebody has acknowledged it") {
    const Policy policy{.remind = 24h};
    auto old = told(open(1, "gone"), kNow - 24h);
    const auto again = notices({old}, policy, kNow);
    REQUIRE(again.size() == 1);
    CHECK(again[0].reason == Reason::reminded);
    CHECK(again[0].title == "still: an account is gone");
    CHECK(notices({told(open(1, "gone"), kNow - 23h)}, policy, kNow).empty());
    old.acked = true;
    CHECK(notices({old}, policy, kNow).empty());
    auto unseen = open(2, "gone");
    unseen.acked = true;
    CHECK(notices({unseen}, policy, kNow).empty());
}

TEST_CASE("the end is told to whom the beginning was, also of what was acknowledged") {
    auto ended = over(told(open(1, "platform_down"), kNow - 2min));
    ended.acked = true;
    const auto notice = notices({ended}, {}, kNow);
    REQUIRE(notice.size() == 1);
    CHECK(notice[0].reason == Reason::over);
    CHECK(notice[0].title == "over: a platform is down");
}

TEST_CASE("at night only what is urgent is told") {
    const Policy quiet{.quiet = true};
    const auto told_now =
        notices({open(1, "disk"), open(2, "given_up"), over(told(open(3, "gone"), kNow - 1h))}, quiet, kNow);
    REQUIRE(told_now.size() == 1);
    CHECK(told_now[0].kind == "disk");
}

TEST_CASE("a kind that has no words of its own is told by its name") {
    CHECK(notices({open(1, "new_kind")}, {}, kNow).at(0).title == "new_kind");
    CHECK(notices({open(1, "new_kind"), open(2, "new_kind")}, {}, kNow).at(0).title == "2 times new_kind");
}

TEST_CASE("quiet hours are hours of the wall clock and may span midnight") {
    const auto hours = config::parse_quiet_hours("22:00-07:00").value();
    const auto berlin = TimeZone::find("Europe/Berlin").value();
    const auto at = [&](const char* time) { return in_quiet_hours(hours, berlin, parse_instant(time).value()); };
    CHECK_FALSE(at("2026-11-21T20:59:59Z"));
    CHECK(at("2026-11-21T21:00:00Z"));
    CHECK(at("2026-11-22T05:59:59Z"));
    CHECK_FALSE(at("2026-11-22T06:00:00Z"));
    CHECK_FALSE(at("2026-07-01T05:00:00Z"));  // summer time
    const auto noon = config::parse_quiet_hours("12:00-13:30").value();
    CHECK(in_quiet_hours(noon, TimeZone::utc(), parse_instant("2026-11-22T13:29:59Z").value()));
    CHECK_FALSE(in_quiet_hours(noon, TimeZone::utc(), parse_instant("2026-11-22T13:30:00Z").value()));
    for (const auto* wrong :
         {"", "22:00", "22:00-22:00", "24:00-07:00", "22:60-07:00", "2:00-07:00", "22:00-07:00 ", "22-07"})
        CHECK_MESSAGE(!config::parse_quiet_hours(wrong), wrong);
}
