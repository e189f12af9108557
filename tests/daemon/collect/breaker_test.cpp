// SPDX-License-Identifier: Apache-2.0
// When a platform counts as down, how it is tried, and how work comes back to it.
#include "daemon/collect/breaker.hpp"

#include <doctest/doctest.h>

using namespace tally;
using namespace std::chrono_literals;
using collect::Breaker;

namespace {

const Instant kStart = parse_instant("2026-11-20T12:00:00Z").value();
constexpr unsigned kMost = 64;

struct Bench {
    Breaker breaker;
    std::mt19937_64 random{7};
    Instant at = kStart;

    bool fails(std::int64_t connection, bool was_probe = false) {
        return breaker.note({.connection_id = connection, .answered = false, .was_probe = was_probe}, kMost, at,
                            random);
    }
    bool answers(bool was_probe = false) {
        return breaker.note({.connection_id = 99, .answered = true, .was_probe = was_probe}, kMost, at, random);
    }
    unsigned allowance() const { return breaker.allowance(kMost, at); }
    void open() {
        for (std::int64_t connection = 1; connection <= 5; ++connection) fails(connection);
        REQUIRE(breaker.state() == Breaker::State::open);
    }
};

}  // namespace

TEST_CASE("five failures in a row at three connections open the breaker") {
    Bench b;
    for (const std::int64_t connection : {1, 2, 3, 1}) CHECK_FALSE(b.fails(connection));
    CHECK(b.allowance() == kMost);
    CHECK(b.fails(2));
    CHECK(b.breaker.state() == Breaker::State::open);
    CHECK(b.breaker.since() == kStart);
    CHECK(b.allowance() == 0);
}

TEST_CASE("two accounts with troubles of their own do not stop a platform") {
    Bench b;
    for (int i = 0; i < 100; ++i) b.fails(1 + i % 2);
    CHECK(b.breaker.state() == Breaker::State::closed);
}

TEST_CASE("one answer between failures keeps the breaker closed") {
    Bench b;
    for (std::int64_t connection = 1; connection <= 100; ++connection) {
        b.fails(connection);
        if (connection % 4 == 0) b.answers();
    }
    CHECK(b.breaker.state() == Breaker::State::closed);
}

TEST_CASE("a platform that is down is tried by one run at a time, after growing pauses") {
    Bench b;
    b.open();
    auto shortest = 0ms;
    for (int probe = 0; probe < 12; ++probe) {
        const auto pause = *b.breaker.probe_at() - b.at;
        CHECK(pause >= 2500ms);
        CHECK(pause <= 2min);
        if (probe >= 6) CHECK(pause >= 1min);
        shortest = std::max(shortest, std::chrono::floor<std::chrono::milliseconds>(pause));
        b.at = *b.breaker.probe_at() - 1ms;
        CHECK(b.allowance() == 0);
        b.at += 1ms;
        CHECK(b.allowance() == 1);
        b.fails(7, true);
    }
    CHECK(b.breaker.since() == kStart);
}

TEST_CASE("runs that began before it opened say nothing new") {
    Bench b;
    b.open();
    const auto probe_at = b.breaker.probe_at();
    for (std::int64_t connection = 10; connection < 70; ++connection) b.fails(connection);
    CHECK(b.breaker.probe_at() == probe_at);
}

TEST_CASE("when it answers again the work comes back one run more for each answer, not all at once") {
    Bench b;
    b.open();
    b.at = *b.breaker.probe_at();
    CHECK(b.answers(true));
    CHECK(b.breaker.state() == Breaker::State::recovering);
    unsigned before = b.allowance();
    CHECK(before == 2);
    while (b.breaker.state() == Breaker::State::recovering) {
        CHECK(b.allowance() == before);
        b.answers();
        ++before;
    }
    CHECK(before == 16);
    CHECK(b.allowance() == kMost);
}

TEST_CASE("who fails again while recovering is open again, for longer") {
    Bench b;
    b.open();
    const auto first = *b.breaker.probe_at() - b.at;
    b.at = *b.breaker.probe_at();
    b.answers(true);
    for (std::int64_t connection = 1; connection <= 3; ++connection) b.fails(connection);
    CHECK(b.breaker.state() == Breaker::State::open);
    CHECK(*b.breaker.probe_at() - b.at >= first);
}

TEST_CASE("a narrow platform recovers within what it may have") {
    Breaker breaker;
    std::mt19937_64 random{7};
    for (std::int64_t connection = 1; connection <= 5; ++connection)
        breaker.note({.connection_id = connection}, 1, kStart, random);
    CHECK(breaker.allowance(1, kStart + 5s) == 1);
    CHECK(breaker.note({.connection_id = 1, .answered = true, .was_probe = true}, 1, kStart + 5s, random));
    CHECK(breaker.state() == Breaker::State::closed);
}
