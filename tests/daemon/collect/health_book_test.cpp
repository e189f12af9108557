// SPDX-License-Identifier: Apache-2.0
// What a node leaves out, what it tries again, and what it tells of the platforms.
#include "daemon/collect/health_book.hpp"

#include <doctest/doctest.h>

#include "tests/daemon/collect/shared_book.hpp"

using namespace tally;
using namespace std::chrono_literals;
using collect::Collected;
using collect::HealthBook;
using platform::MetricSets;

namespace {

struct Fixture {
    HealthBook book() { return HealthBook{shared.loop.get_executor(), shared.threads, shared.pool}; }

    /// A row for every connection whose probe is due after so many seconds.
    void quarantine(const std::string& metric, int probe_in, const std::string& platform = "demo") const {
        shared.database.execute(
            "INSERT INTO quarantine (platform, request, metric, probe_at, code, message) VALUES ('" + platform +
            "', 'daily', '" + metric + "', now() + interval '" + std::to_string(probe_in) + " s', 'c', 'm')");
    }

    test::SharedBook shared;
};

std::shared_ptr<const platform::Platform> platform_named(const std::string& name = "demo") {
    platform::Platform platform;
    platform.name = name;
    platform.api.version = "v25.0";
    platform.api.version_header = "x-version";
    platform.api.version_until = parse_day("2028-07-29");
    platform.metrics.resize(1);
    platform.metrics[0].name = "likes";
    platform.metrics[0].replaced_by = "reactions";
    return std::make_shared<const platform::Platform>(std::move(platform));
}

collect::Job job_of(const std::string& name = "demo") {
    collect::Job job;
    job.platform = platform_named(name);
    return job;
}

/// The job after the book has prepared it.
collect::Job prepared(HealthBook& book, collect::Job job = job_of()) {
    book.prepare(job);
    return job;
}

/// The metrics of "daily".
std::set<std::string> daily(const MetricSets& sets) {
    const auto found = sets.find("daily");
    return found == sets.end() ? std::set<std::string>{} : found->second;
}

store::RunResult noted(HealthBook& book, const Collected& collected, const std::string& name = "demo") {
    store::RunResult result;
    book.note(*platform_named(name), collected, result);
    return result;
}

Collected served_as(std::optional<std::string> version) {
    Collected collected;
    collected.tasks_done = 1;
    collected.served_version = std::move(version);
    return collected;
}

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("what is refused for all is left out of every job of its platform") {
    Fixture f;
    auto book = f.book();
    CHECK(daily(prepared(book).refused).empty());
    f.quarantine("likes", 3600);
    f.quarantine("views", 3600, "other");
    CHECK_MESSAGE(daily(prepared(book).refused).empty(), "nothing is known before it was read");
    f.shared.await(book.load());
    auto own = job_of();
    own.refused["daily"] = {"shares"};
    own.probe["daily"] = {"saves"};
    const auto job = prepared(book, own);
    CHECK(daily(job.refused) == Names{"likes", "shares"});
    CHECK(daily(job.probe) == Names{"saves"});
    CHECK(daily(prepared(book, job_of("other")).refused) == Names{"views"});
    CHECK(daily(prepared(book, job_of("third")).refused).empty());

    f.shared.database.execute("DELETE FROM quarantine WHERE platform = 'demo'");
    f.shared.await(book.load());
    CHECK_MESSAGE(daily(prepared(book).refused).empty(), "another node saw it answered");
}

TEST_CASE("a due probe goes to one job of one node, and the next one comes hours later") {
    Fixture f;
    auto first = f.book(), second = f.book();
    f.quarantine("likes", -1);
    f.quarantine("views", 3600);
    f.shared.await(first.load());
    f.shared.await(second.load());
    CHECK(f.shared.database.value("SELECT probe_at - now() BETWEEN '5 h 59 min' AND '6 h' FROM quarantine "
                                  "WHERE metric = 'likes'") == "true");

    CHECK(daily(prepared(second).refused) == Names{"likes", "views"});
    CHECK(daily(prepared(second).probe).empty());
    CHECK_MESSAGE(daily(prepared(first, job_of("other")).probe).empty(), "a job of another platform takes none");
    auto own = job_of();
    own.refused["daily"] = {"likes"};
    const auto trying = prepared(first, own);
    CHECK(daily(trying.probe) == Names{"likes"});
    CHECK(daily(trying.refused) == Names{"views"});
    const auto next = prepared(first);
    CHECK(daily(next.probe).empty());
    CHECK(daily(next.refused) == Names{"likes", "views"});
}

TEST_CASE("a probe that nobody took yet is not lost by reading again") {
    Fixture f;
    auto book = f.book();
    f.quarantine("likes", -1);
    f.shared.await(book.load());
    f.shared.await(book.load());
    CHECK(daily(prepared(book).probe) == Names{"likes"});
}

TEST_CASE("a metric that is answered again is asked for at once, and the store is told") {
    Fixture f;
    auto book = f.book();
    f.quarantine("likes", 3600);
    f.quarantine("views", 3600);
    f.shared.await(book.load());
    Collected collected;
    collected.answered_again = {{"daily", "likes"}};
    const auto result = noted(book, collected);
    CHECK(result.answered_again == collected.answered_again);
    CHECK(daily(prepared(book).refused) == Names{"views"});
}

TEST_CASE("a refusal goes to the store with the time when any connection last got the metric") {
    Fixture f;
    auto book = f.book();
    Collected refused;
    refused.refusals = {
        {.request = "daily", .metric = "likes", .code = "100", .message = "no", .expected = false},
        {.request = "daily", .metric = "revenue", .code = "200", .message = "not yours", .expected = true}};
    const auto before = noted(book, refused);
    REQUIRE(before.refusals.size() == 2);
    CHECK(before.refusals[0].metric == "likes");
    CHECK(before.refusals[0].code == "100");
    CHECK(before.refusals[0].message == "no");
    CHECK(before.refusals[0].replaced_by == "reactions");
    CHECK(before.refusals[1].replaced_by.empty());
    CHECK_FALSE(before.refusals[0].expected);
    CHECK_FALSE(before.refusals[0].last_answered);
    CHECK(before.refusals[1].expected);

    Collected answered;
    answered.answered = {{"daily", "likes"}, {"other", "revenue"}};
    const auto earliest = now();
    noted(book, answered);
    noted(book, answered, "other");
    const auto after = noted(book, refused);
    REQUIRE(after.refusals[0].last_answered);
    CHECK(*after.refusals[0].last_answered >= earliest);
    CHECK(*after.refusals[0].last_answered <= now());
    CHECK_FALSE(after.refusals[1].last_answered);  // of another request
    CHECK_FALSE(noted(book, refused, "third").refusals[0].last_answered);
}

TEST_CASE("another version than the one asked for is told once, and once that it is over") {
    Fixture f;
    auto book = f.book();
    const auto told = [&](std::optional<std::string> version, const std::string& name = "demo") {
        const auto result = noted(book, served_as(std::move(version)), name);
        std::string text;
        for (const auto& alert : result.alerts) text += alert.kind + " " + alert.subject + ": " + alert.message + "; ";
        return text;
    };
    CHECK(noted(book, Collected{}).alerts.empty());  // nothing was answered
    CHECK_MESSAGE(told(std::nullopt) == "version_drift demo: ; ", "an alert of an earlier life may stand");
    CHECK(told(std::nullopt).empty());
    CHECK(told("v26.0") ==
          "version_drift demo: answers as version v26.0, asked for v25.0; v25.0 is usable until 2028-07-28: check "
          "api.version of its platform file; ");
    CHECK(told("v26.0").empty());
    CHECK(told("v27.0").find("answers as version v27.0") != std::string::npos);
    CHECK(told("v26.0", "other").starts_with("version_drift other: answers as version v26.0"));
    CHECK(told(std::nullopt) == "version_drift demo: ; ");

    platform::Platform silent;  // no header tells its version
    silent.name = "silent";
    store::RunResult result;
    book.note(silent, served_as(std::nullopt), result);
    CHECK(result.alerts.empty());
}
