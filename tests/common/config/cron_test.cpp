// SPDX-License-Identifier: Apache-2.0
// What cron lines match, and what is wrong with those that are refused.
#include "common/config/cron.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include <string>

#include "common/error.hpp"

using namespace std::chrono;
using namespace tally;
using config::Cron;
using config::LocalMinute;

namespace {

/// "2026-11-21 02:00" and back.
LocalMinute minute(const std::string& text) {
    return parse_day(text.substr(0, 10)).value() + hours{std::stoi(text.substr(11, 2))} +
           minutes{std::stoi(text.substr(14, 2))};
}
std::string render(LocalMinute time) {
    const auto day = floor<days>(time);
    const hh_mm_ss clock{time - day};
    return fmt::format("{} {:02}:{:02}", render_day(day), clock.hours().count(), clock.minutes().count());
}

std::string refusal(std::string_view line) {
    try {
        Cron::parse(line);
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::config);
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("the next matching minute") {
    struct Row {
        const char *line, *from, *next;
    };
    const Row rows[] = {
        {"0 2 * * *", "2026-11-21 01:59", "2026-11-21 02:00"},
        {"0 2 * * *", "2026-11-21 02:00", "2026-11-22 02:00"},
        {"0 2 * * *", "2026-12-31 23:59", "2027-01-01 02:00"},
        {"*/15 * * * *", "2026-11-21 02:46", "2026-11-21 03:00"},
        {"10-40/15 8,20 * * *", "2026-11-21 08:25", "2026-11-21 08:40"},
        {"10-40/15 8,20 * * *", "2026-11-21 08:40", "2026-11-21 20:10"},
        {"0 0 1 JAN *", "2026-11-21 00:00", "2027-01-01 00:00"},
        {"0 0 31 * *", "2026-11-01 00:00", "2026-12-31 00:00"},
        {"0 0 29 2 *", "2026-11-21 00:00", "2028-02-29 00:00"},
        {"0 0 29 2 *", "2096-02-29 00:00", "2104-02-29 00:00"},  // 2100 is no leap year
        {"0 0 * * sun", "2026-11-21 00:00", "2026-11-22 00:00"},
        {"0 0 * * 7", "2026-11-21 00:00", "2026-11-22 00:00"},
        {"0 0 * * 0", "2026-11-21 00:00", "2026-11-22 00:00"},
        {"0 0 * * fri-sun", "2026-11-22 00:00", "2026-11-27 00:00"},
        {"0 0 * * 5-7", "2026-11-21 00:00", "2026-11-22 00:00"},
        {"0 0 * * */2", "2026-11-22 00:00", "2026-11-24 00:00"},  // Sunday, Tuesday, Thursday, Saturday
        {"0 0 * * mon-fri", "2026-11-20 00:00", "2026-11-23 00:00"},
        {"59 23 * * *", "2026-11-21 23:59", "2026-11-22 23:59"},
        // Both day fields restricted: either is enough.
        {"0 0 13 * fri", "2026-11-21 00:00", "2026-11-27 00:00"},
        {"0 0 13 * fri", "2026-12-11 00:00", "2026-12-13 00:00"},
        {"0 0 30 2 mon", "2026-11-21 00:00", "2027-02-01 00:00"},
        // A field that begins with a star does not restrict, steps or not: both must be satisfied.
        {"0 0 */2 * fri", "2026-11-21 00:00", "2026-11-27 00:00"},
        {"0 0 */2 * fri", "2026-11-27 00:00", "2026-12-11 00:00"},
        {"0 0 13 * */5", "2026-11-21 00:00", "2026-12-13 00:00"},
        {" 0\t2  * * * ", "2026-11-21 03:00", "2026-11-22 02:00"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.line);
        CAPTURE(row.from);
        CHECK(render(Cron::parse(row.line).next_after(minute(row.from))) == row.next);
    }
}

TEST_CASE("a refused line names the field") {
    CHECK(refusal("0 2 * *") == "a cron line has 5 fields, not 4: '0 2 * *'");
    CHECK(refusal("0 0 2 * * *") == "a cron line has 5 fields, not 6: '0 0 2 * * *'");
    CHECK(refusal("@daily") == "'@daily' is not supported");
    CHECK(refusal("@every 5m") == "'@every 5m' is not supported");
    CHECK(refusal("") == "a cron line has 5 fields, not 0: ''");
    CHECK(refusal("60 2 * * *") == "minute: 60 is outside 0 to 59");
    CHECK(refusal("0 24 * * *") == "hour: 24 is outside 0 to 23");
    CHECK(refusal("0 0 0 * *") == "day of month: 0 is outside 1 to 31");
    CHECK(refusal("0 0 * 13 *") == "month: 13 is outside 1 to 12");
    CHECK(refusal("0 0 * * 8") == "day of week: 8 is outside 0 to 7");
    CHECK(refusal("0 0 * foo *") == "month: cannot read 'foo'");
    CHECK(refusal("0 jan * * *") == "hour: cannot read 'jan'");
    CHECK(refusal("1,,2 0 * * *") == "minute: cannot read ''");
    CHECK(refusal("-5 0 * * *") == "minute: cannot read ''");
    CHECK(refusal("+5 0 * * *") == "minute: cannot read '+5'");
    CHECK(refusal("99999999999 0 * * *") == "minute: cannot read '99999999999'");
    CHECK(refusal("40-10 0 * * *") == "minute: range '40-10' runs backwards");
    CHECK(refusal("*/0 0 * * *") == "minute: step 0 is outside 1 to 59");
    CHECK(refusal("*/60 0 * * *") == "minute: step 60 is outside 1 to 59");
    CHECK(refusal("5/10 0 * * *") == "minute: a step needs a range before it: '5/10'");
    CHECK(refusal("0 0 30 2 *") == "day of month: no date ever matches '0 0 30 2 *'");
    CHECK(refusal("0 0 31 4,6,9,11 *") == "day of month: no date ever matches '0 0 31 4,6,9,11 *'");
    CHECK(refusal("0 0 29 2 */7") == "accepted");  // a Sunday, every 28 years
}

TEST_CASE("what only other schedulers know is refused by name") {
    CHECK(refusal("0 0 L * *") == "day of month: 'L': L, W, # and ? are not supported");
    CHECK(refusal("0 0 L-3 * *") == "day of month: 'L': L, W, # and ? are not supported");
    CHECK(refusal("0 0 15W * *") == "day of month: '15W': L, W, # and ? are not supported");
    CHECK(refusal("0 0 LW * *") == "day of month: 'LW': L, W, # and ? are not supported");
    CHECK(refusal("0 0 ? * mon") == "day of month: '?': L, W, # and ? are not supported");
    CHECK(refusal("0 0 * * 5#2") == "day of week: '5#2': L, W, # and ? are not supported");
    CHECK(refusal("0 0 * * fri#2") == "day of week: 'fri#2': L, W, # and ? are not supported");
    CHECK(refusal("0 0 * * friL") == "day of week: 'friL': L, W, # and ? are not supported");
    CHECK(refusal("0 0 1,L * *") == "day of month: 'L': L, W, # and ? are not supported");
    CHECK(refusal("0 0 * apr *") == "accepted");
    CHECK(refusal("0 0 * april *") == "month: cannot read 'april'");
    CHECK(refusal("0 0 * * wow") == "day of week: cannot read 'wow'");
}

TEST_CASE("next_after is the nearest match: nothing between matches") {
    CHECK(rc::check([] {
        const auto* line = *rc::gen::element("7 3 * * *", "*/20 1-4 * * mon", "0 0 1,15 * fri", "30 */5 * 2-3 *");
        const auto cron = Cron::parse(line);
        const auto from = minute("2026-01-01 00:00") + minutes{*rc::gen::inRange(0, 2'000'000)};
        const auto next = cron.next_after(from);
        RC_ASSERT(next > from);
        const auto gap = (next - from).count();
        const auto inside = from + minutes{*rc::gen::inRange<std::int64_t>(0, gap)};
        RC_ASSERT(cron.next_after(inside) == next);
    }));
}
