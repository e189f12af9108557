// SPDX-License-Identifier: Apache-2.0
// Days of 23 and 25 hours, and the forms of a moment.
#include "calendar.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;
using std::chrono::hours;

TEST_CASE("a Pacific day has 25 hours when summer time ends and 23 when it begins") {
    const auto length = [](std::string_view day) {
        return midnight(pacific(), on(day) + date::days{1}) - midnight(pacific(), on(day));
    };
    CHECK(length("2026-10-31") == hours{24});
    CHECK(length("2026-11-01") == hours{25});
    CHECK(length("2027-03-14") == hours{23});
    CHECK(midnight(pacific(), on("2026-11-01")) == at("2026-11-01T07:00:00Z"));
    CHECK(midnight(pacific(), on("2026-11-02")) == at("2026-11-02T08:00:00Z"));
    CHECK(day_of(pacific(), at("2026-11-02T07:59:59Z")) == on("2026-11-01"));
}

TEST_CASE("moments are written in the zone's offset of that moment") {
    const auto berlin = find_zone("Europe/Berlin");
    const auto kathmandu = find_zone("Asia/Kathmandu");
    CHECK(render_local_time(berlin, at("2026-10-24T22:00:00Z"), true) == "2026-10-25T00:00:00.000+02:00");
    CHECK(render_local_time(berlin, at("2026-10-25T23:00:00Z"), true) == "2026-10-26T00:00:00.000+01:00");
    CHECK(render_local_time(kathmandu, at("2026-11-01T18:15:00Z"), false) == "2026-11-02T00:00:00.000+0545");
    CHECK(render_local_time(pacific(), at("2026-11-02T08:00:00Z"), false) == "2026-11-02T00:00:00.000-0800");
    CHECK(render_graph_time(at("2026-11-17T08:00:00Z")) == "2026-11-17T08:00:00+0000");
}

TEST_CASE("a time may carry an offset, Z, or nothing") {
    const auto berlin = find_zone("Europe/Berlin");
    const auto expected = at("2026-10-31T23:00:00Z");
    for (const std::string_view text :
         {"2026-11-01T00:00:00.000+01:00", "2026-11-01T00:00:00+0100", "2026-11-01T00:00:00", "2026-11-01",
          "2026-10-31T23:00:00Z", "2026-10-31T18:30:00-04:30"})
        CHECK_MESSAGE(parse_time(text, berlin) == expected, text);
    for (const std::string_view text :
         {"2026-11-01T00:00:00.000 01:00", "2026-11-01T24:00:00", "2026-02-29", "2026-11-1", "", "2026-11-01T00:00:00+",
          "2026-11-01T00:00:00.Z", "2026-11-01T00:00:00Zx"})
        CHECK_MESSAGE(!parse_time(text, berlin), text);
    CHECK(find_zone("Mars/Olympus") == nullptr);
}
