// SPDX-License-Identifier: Apache-2.0
// The loop of duties.
#include "daemon/duty/runner.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "common/error.hpp"
#include "daemon/schedule/retry.hpp"

namespace tally::duty {

using namespace std::chrono_literals;
using boost::asio::awaitable;

namespace {

constexpr auto kPoll = 2'000ms;            // also what the duty of a dead node waits
constexpr auto kLongestStatement = 10min;  // statistics of large tables; everything else is short
constexpr auto kRetryFloor = 10s, kRetryBase = 60s;
constexpr auto kRetryCeiling = 3'600s;

/// Deleting and making partitions is not for the collector. Plans that read whole tables are never right here.
postgres::Options duty_options(postgres::Options options) {
    options.application_name = "tallyd duty";
    options.role = "tally_admin";
    options.statement_timeout = kLongestStatement;
    return options;
}
constexpr const char* kPrepareSession = "SET enable_hashjoin = off; SET enable_mergejoin = off";

}  // namespace

Runner::Runner(Parts parts, std::uint64_t seed) : parts_(std::move(parts)), wake_(parts_.executor), random_(seed) {}

awaitable<void> Runner::watch() {
    bool planned = false;
    for (;;) {
        bool idle = true;
        try {
            if (!planned) {
                auto plan = [&pool = parts_.pool] {
                    const auto session = pool.acquire();
                    DutyRepository{*session}.plan(now());
                    return true;
                };
                planned = co_await net::run_blocking(parts_.threads, std::move(plan));
            }
            idle = !co_await run_once();
            trouble_ = false;
        } catch (const Error& error) {
            if (!std::exchange(trouble_, true))
                parts_.log.warning("cannot claim duties", {{"error", describe_line(error)}});
        }
        if (idle) co_await wake_.wait_for(kPoll);
    }
}

/// False when nothing was due.
awaitable<bool> Runner::run_once() {
    if (stop_.requested()) co_return false;
    auto ask = [&pool = parts_.pool, node = parts_.node] {
        const auto session = pool.acquire();
        return DutyRepository{*session}.claim(node);
    };
    const auto claim = co_await net::run_blocking(parts_.threads, std::move(ask));
    if (!claim) co_return false;
    auto work = [this, claim = *claim, rules = parts_.rules()] { return perform(claim, *rules); };
    const auto outcome = co_await net::run_blocking(thread_, std::move(work));
    report(*claim, outcome);
    co_return true;
}

void Runner::stop() {
    stop_.request();
    wake();
    boost::asio::post(parts_.threads, [this] { stop_.interrupt(); });
}

/// On the duties' thread. An end that cannot be written costs nothing: the duty is still ours and is done once more.
Runner::Outcome Runner::perform(const Claim& claim, const collect::Rules& rules) {
    const auto began = std::chrono::steady_clock::now();
    auto outcome = carry_out(claim, rules);
    stop_.set_statement({});
    const auto took = std::chrono::steady_clock::now() - began;
    try {
        record(claim, claim.at + std::chrono::ceil<std::chrono::microseconds>(took), outcome);
    } catch (const Error& error) {
        if (outcome.kind != Outcome::Kind::failed) outcome.error = describe_line(error);
        outcome.kind = Outcome::Kind::failed;
    }
    return outcome;
}

Runner::Outcome Runner::carry_out(const Claim& claim, const collect::Rules& rules) {
    using Kind = Outcome::Kind;
    try {
        postgres::Session session{duty_options(parts_.pool.options())};
        session.exec_alone(kPrepareSession);
        stop_.set_statement(session.canceller());
        Work work{session, claim, rules, parts_.node, stop_};
        return {.kind = Kind::done, .done = find_duty(claim.name).carry_out(work), .error = {}};
    } catch (const Stopped&) {
        return {.kind = Kind::stopped, .done = {}, .error = {}};
    } catch (const LeaseLost&) {
        return {.kind = Kind::lost, .done = {}, .error = {}};
    } catch (const std::exception& error) {
        const auto kind = stop_.requested() ? Kind::stopped : Kind::failed;  // broken off in the middle of a statement
        return {.kind = kind, .done = {}, .error = describe_line(error)};
    }
}

/// @param at the end of the attempt, by the database's clock
void Runner::record(const Claim& claim, Instant at, Outcome& outcome) {
    using Kind = Outcome::Kind;
    if (outcome.kind == Kind::lost) return;
    const auto session = parts_.pool.acquire();
    DutyRepository repository{*session};
    if (outcome.kind == Kind::stopped) return repository.release(claim);
    auto next = next_time(find_duty(claim.name), at);
    bool held = false;
    if (outcome.kind == Kind::done) {
        if (outcome.done.again) next = std::min(next, at + *outcome.done.again);
        held = repository.finish(claim, next, outcome.done.words);
    } else {
        const auto delay = schedule::retry_delay(
            {.attempt = claim.attempt, .base = kRetryBase, .ceiling = kRetryCeiling, .floor = kRetryFloor}, random_);
        held = repository.fail(claim, std::min(next, at + delay), outcome.error);
    }
    if (!held) outcome.kind = Kind::lost;
}

void Runner::report(const Claim& claim, const Outcome& outcome) {
    switch (outcome.kind) {
        case Outcome::Kind::done:
            if (outcome.done.changed)
                parts_.log.info("duty done", {{"duty", claim.name}, {"result", outcome.done.words}});
            break;
        case Outcome::Kind::failed:
            parts_.log.warning(
                "duty failed",
                {{"duty", claim.name}, {"attempt", std::to_string(claim.attempt)}, {"error", outcome.error}});
            break;
        case Outcome::Kind::stopped:
            parts_.log.info("duty broken off, it goes on after the start", {{"duty", claim.name}});
            break;
        case Outcome::Kind::lost:
            parts_.log.warning("duty lost to another node", {{"duty", claim.name}});
            break;
    }
}

}  // namespace tally::duty
