// SPDX-License-Identifier: Apache-2.0
// What a claim takes of which lane.
#include "daemon/collect/lane_book.hpp"

#include <doctest/doctest.h>

using namespace tally;
using namespace std::chrono_literals;
using collect::LaneBook;

namespace {

const Instant kNow = parse_instant("2026-11-20T12:00:00Z").value();
const lease::Lane kManual{"instagram", 0s}, kPremium{"instagram", 900s}, kFree{"instagram", 86400s},
    kSpare{"instagram", std::nullopt}, kYoutube{"youtube", 900s}, kApp{"instagram/login", 900s};

/// "lane*limit" in the order of the shares.
std::string text(const std::vector<lease::LaneShare>& shares) {
    std::string result;
    for (const auto& share : shares)
        result += (result.empty() ? "" : " ") + share.lane.name +
                  (share.lane.slack ? ":" + std::to_string(share.lane.slack->count()) : ":spare") + "*" +
                  std::to_string(share.limit);
    return result;
}

LaneBook::Room room(unsigned limit, unsigned platform = 1000, unsigned spare = 1000) {
    return {
        .limit = limit,
        .spare_limit = spare,
        .platform = [platform](const lease::Lane& lane) { return lane.platform() == "instagram" ? platform : 1000; },
        .app = [](const lease::Lane&) { return 1000U; }};
}

lease::Assignment given(const lease::Lane& lane, std::int64_t id, Instant due_at) {
    lease::Assignment assignment;
    assignment.lease.lane = lane;
    assignment.lease.connection_id = id;
    assignment.lease.due_at = due_at;
    return assignment;
}

}  // namespace

TEST_CASE("the earliest deadline comes first, not the longest wait") {
    LaneBook book;
    book.look({{kFree, kNow - 10h}, {kPremium, kNow - 1min}, {kManual, kNow - 1s}});
    CHECK(text(book.shares(kNow, room(64))) == "instagram:0*64 instagram:900*64 instagram:86400*64");
    book.look({{kFree, kNow - 24h - 1min}, {kPremium, kNow - 1min}, {kManual, kNow - 1s}});
    CHECK_MESSAGE(text(book.shares(kNow, room(64))) == "instagram:86400*64 instagram:0*64 instagram:900*64",
                  "who waited for its whole slack is not passed over any more");
}

TEST_CASE("what is not due yet is not asked for, and what may wait comes last") {
    LaneBook book;
    book.look({{kSpare, kNow - 48h}, {kPremium, kNow + 1ms}, {kFree, kNow}});
    CHECK(text(book.shares(kNow, room(64))) == "instagram:86400*64 instagram:spare*64");
    CHECK(text(book.shares(kNow, room(64, 1000, 3))) == "instagram:86400*64 instagram:spare*3");
    CHECK(text(book.shares(kNow, room(64, 1000, 0))) == "instagram:86400*64");
    CHECK(book.next_due([](const lease::Lane& lane) { return lane == kPremium; }) == kNow + 1ms);
    CHECK_FALSE(book.next_due([](const lease::Lane&) { return false; }));
}

TEST_CASE("a platform never gets more than it may have") {
    LaneBook book;
    book.look({{kManual, kNow}, {kPremium, kNow}, {kYoutube, kNow}, {kSpare, kNow}});
    CHECK(text(book.shares(kNow, room(32, 5))) == "instagram:0*5 youtube:900*24");
    CHECK(text(book.shares(kNow, room(32, 0))) == "youtube:900*24");
}

TEST_CASE("an app that is full leaves the platform to the others") {
    LaneBook book;
    book.look({{kApp, kNow - 1h}, {kPremium, kNow}});
    auto narrow = room(32, 10);
    narrow.app = [](const lease::Lane& lane) { return lane == kApp ? 0U : 1000U; };
    CHECK(text(book.shares(kNow, narrow)) == "instagram:900*10");
    narrow.app = [](const lease::Lane& lane) { return lane == kApp ? 4U : 1000U; };
    CHECK(text(book.shares(kNow, narrow)) == "instagram/login:900*4");
}

TEST_CASE("many lanes give a part each, so that little is locked in vain") {
    LaneBook book;
    std::vector<lease::LaneHead> heads;
    for (int i = 0; i < 12; ++i) heads.push_back({{"p" + std::to_string(i), 900s}, kNow});
    book.look(heads);
    for (const auto& share : book.shares(kNow, room(64))) CHECK(share.limit == 16);
    for (const auto& share : book.shares(kNow, room(4))) CHECK(share.limit == 4);
}

TEST_CASE("claims go on behind what they got, and a lane that is used up is not asked again") {
    LaneBook book;
    book.look({{kPremium, kNow - 10min}, {kFree, kNow - 1h}});
    auto asked = book.shares(kNow, room(2));
    book.note(asked, {given(kPremium, 5, kNow - 10min), given(kPremium, 9, kNow - 9min)}, 2);
    CHECK(book.knows_all());
    asked = book.shares(kNow, room(2));
    REQUIRE(asked.size() == 2);
    CHECK(asked[0].lane == kPremium);
    CHECK(asked[0].after == lease::Cursor{kNow - 9min, 9});
    CHECK(asked[1].after == lease::Cursor{});
    book.note(asked, {given(kFree, 7, kNow - 1h)}, 2);
    CHECK(book.shares(kNow, room(2)).empty());  // premium gave none of two, free one of two
    CHECK_MESSAGE(!book.knows_all(), "what they have next shows at the next look");
    book.look({{kPremium, kNow - 10min}});
    CHECK(book.knows_all());
    CHECK_MESSAGE(book.shares(kNow, room(2))[0].after == lease::Cursor{}, "a look begins at the front again");
}

TEST_CASE("a lane that had no turn within the limit is asked again") {
    LaneBook book;
    book.look({{kPremium, kNow - 10min}, {kFree, kNow - 1h}});
    const auto asked = book.shares(kNow, room(1));
    book.note(asked, {given(kPremium, 5, kNow - 10min)}, 1);
    CHECK(book.shares(kNow, room(1)).size() == 2);
}

TEST_CASE("while a platform is down its regular work waits, and what was asked for by hand is tried") {
    LaneBook book;
    book.look({{kPremium, kNow - 1h}, {kManual, kNow}});
    auto down = room(32);
    down.platform = [](const lease::Lane& lane) { return lane == kManual ? 8U : 0U; };
    CHECK(text(book.shares(kNow, down)) == "instagram:0*8");
}
