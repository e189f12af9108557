// SPDX-License-Identifier: Apache-2.0
// How schedules are written for the scheduler's status.
#include "daemon/api/duty_routes.hpp"

#include <doctest/doctest.h>

using namespace tally;
using namespace std::chrono_literals;

TEST_CASE("triggers are written as schedulers write them") {
    CHECK(api::cron_trigger("0 2 * * *") == "cron[hour='2', minute='0']");
    CHECK(api::cron_trigger("  */15   * * * *") == "cron[minute='*/15']");
    CHECK(api::cron_trigger("* * * * *") == "cron[minute='*']");
    CHECK(api::cron_trigger("30 6 1 jan mon-fri") ==
          "cron[month='jan', day='1', day_of_week='mon-fri', hour='6', minute='30']");
    CHECK(api::interval_trigger(15min) == "interval[0:15:00]");
    CHECK(api::interval_trigger(90s) == "interval[0:01:30]");
    CHECK(api::interval_trigger(24h) == "interval[1 day, 0:00:00]");
    CHECK(api::interval_trigger(50h + 5min) == "interval[2 days, 2:05:00]");
}
