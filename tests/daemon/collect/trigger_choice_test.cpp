// SPDX-License-Identifier: Apache-2.0
// What a run serves of what waits for its connection.
#include "daemon/collect/trigger_choice.hpp"

#include <doctest/doctest.h>

using namespace tally;
using namespace std::chrono_literals;
using collect::choose_triggers;
using Ids = std::vector<std::int64_t>;

namespace {

const Day kToday = parse_day("2026-11-21").value();
const Instant kAsked = parse_instant("2026-11-21T10:00:00Z").value();

lease::Trigger days_ago(std::int64_t id, int first, int last, Instant asked = kAsked) {
    return {.id = id,
            .days = DayRange{kToday - std::chrono::days{first}, kToday - std::chrono::days{last}},
            .requested_at = asked};
}

lease::Trigger ordinary(std::int64_t id) {
    return {.id = id, .days = std::nullopt, .requested_at = kAsked};
}

}  // namespace

TEST_CASE("long past days are served by leases of what may wait, and by nothing else") {
    const std::vector waiting{days_ago(1, 400, 100), days_ago(2, 30, 2), ordinary(3)};
    CHECK(choose_triggers({waiting[0]}, true, false, kToday).served.empty());
    CHECK(choose_triggers({waiting[0]}, false, false, kToday).served.empty());
    const auto go = choose_triggers(waiting, false, true, kToday);
    CHECK(go.served == Ids{1});
    CHECK(go.days == waiting[0].days);
    CHECK(go.requested_at == kAsked);
    CHECK_FALSE(go.ordinary);
    CHECK(choose_triggers({days_ago(4, 35, 30)}, false, true, kToday).served.empty());
    CHECK(choose_triggers({days_ago(4, 36, 30)}, false, true, kToday).served == Ids{4});
}

TEST_CASE("the ordinary plan serves who asked for it, whether the slot is due or not") {
    for (const bool due : {false, true}) {
        const auto choice = choose_triggers({days_ago(1, 3, 2), ordinary(2), ordinary(3)}, due, false, kToday);
        CHECK(choice.served == Ids{2, 3});
        CHECK(choice.ordinary);
        CHECK_FALSE(choice.days);
    }
    CHECK_FALSE(choose_triggers({days_ago(1, 3, 2)}, true, false, kToday).ordinary);
    CHECK(choose_triggers({days_ago(1, 3, 2)}, true, false, kToday).served.empty());
    CHECK(choose_triggers({}, true, false, kToday).served.empty());
    CHECK_FALSE(choose_triggers({}, false, false, kToday).days);
}

TEST_CASE("days are served together, one hull a run, as new as the last one who asked") {
    const auto choice =
        choose_triggers({days_ago(1, 9, 7), days_ago(2, 4, 2, kAsked + 1h), days_ago(3, 35, 30)}, false, false, kToday);
    CHECK(choice.served == Ids{1, 2, 3});
    CHECK(choice.days == DayRange{kToday - std::chrono::days{35}, kToday - std::chrono::days{2}});
    CHECK(choice.requested_at == kAsked + 1h);
}

TEST_CASE("days that would be deleted again are not collected") {
    const auto day = [](int ago) { return kToday - std::chrono::days{ago}; };
    const DayRange asked{day(40), day(20)};
    CHECK(collect::still_kept(asked, std::nullopt) == asked);
    CHECK(collect::still_kept(asked, day(40)) == asked);
    CHECK(collect::still_kept(asked, day(30)) == DayRange{day(30), day(20)});
    CHECK(collect::still_kept(asked, day(20)) == DayRange{day(20), day(20)});
    CHECK_FALSE(collect::still_kept(asked, day(19)));
}
