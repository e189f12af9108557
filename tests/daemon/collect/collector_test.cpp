// SPDX-License-Identifier: Apache-2.0
// What a run makes of a limit that lets nothing through. Nothing is sent here.
#include "daemon/collect/collector.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using collect::Collected;
using platform::Outcome;

namespace {

/// A shipped platform under one limit: so many requests in thirty days.
collect::Job backfill_of(const std::string& name, unsigned requests) {
    auto limited = platform::test::shipped(name);
    limited.limits = {{.name = "quota",
                       .scope = platform::BudgetScope::app,
                       .requests = requests,
                       .per = std::chrono::days{30},
                       .resets = {},
                       .only_for = {}}};
    const auto today = TimeZone::utc().day_of(now());
    collect::Job job;
    job.platform = std::make_shared<const platform::Platform>(std::move(limited));
    job.target = platform::test::target();
    job.forced = DayRange{today - std::chrono::days{100}, today - std::chrono::days{50}};
    job.spare = true;
    return job;
}

Collected collected(const collect::Job& job) {
    boost::asio::io_context loop;
    net::HttpClient http{loop.get_executor(), {}};
    collect::Budgets budgets{loop.get_executor()};
    auto task = collect::collect(http, budgets, job);
    auto result = boost::asio::co_spawn(loop, std::move(task), boost::asio::use_future);
    loop.run();
    return result.get();
}

}  // namespace

TEST_CASE("a backfill whose share of a limit is used up is put off, which is no failure") {
    const auto job = backfill_of("youtube", 1);  // four fifths of one are none
    const auto result = collected(job);
    REQUIRE(result.put_off_until);
    CHECK(*result.put_off_until == collect::window_of(job.platform->limits.front(), now()).end);
    CHECK(result.failures.empty());
    CHECK(result.waits());
    CHECK(result.worst() == Outcome::ok);
    CHECK(result.stopped);
    CHECK(result.requests == 0);
    const auto planned = platform::plan({.platform = *job.platform,
                                         .zone = *job.platform->day.zone,
                                         .coverage = job.coverage,
                                         .now = now(),
                                         .backfill = job.backfill,
                                         .forced = job.forced});
    CHECK_MESSAGE(result.tasks_left == planned.tasks.size(), "the one that was denied is not lost");
}

TEST_CASE("a backfill that is put off at its look-up has something left to do") {
    const auto result = collected(backfill_of("snapchat", 1));
    CHECK(result.put_off_until);
    CHECK(result.failures.empty());
    CHECK(result.tasks_left == 1);
}

TEST_CASE("a limit that is used up for everybody is a wait") {
    auto job = backfill_of("youtube", 0);
    job.spare = false;  // a backfill does not ask for what regular slots may still have
    const auto result = collected(job);
    CHECK_FALSE(result.put_off_until);
    CHECK(result.worst() == Outcome::wait);
    CHECK(result.waits());
    CHECK(result.wait.count() > 0);
    CHECK(result.tasks_left > 0);
}
