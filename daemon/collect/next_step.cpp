// SPDX-License-Identifier: Apache-2.0
// The decision after a run.
#include "daemon/collect/next_step.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/platform/classify.hpp"
#include "daemon/schedule/retry.hpp"

namespace tally::collect {

namespace {

using platform::Outcome;

/// The gravest failure in full and how many others there were.
void explain(const Collected& collected, Outcome worst, NextStep& step) {
    if (collected.failures.empty()) return;
    const auto& gravest = *std::find_if(collected.failures.begin(), collected.failures.end(),
                                        [&](const Failure& failure) { return failure.outcome == worst; });
    step.error_class = gravest.code.empty() ? std::string{platform::to_text(worst)}
                                            : fmt::format("{} {}", platform::to_text(worst), gravest.code);
    step.error = fmt::format("{}: {}", gravest.request, gravest.message.empty() ? step.error_class : gravest.message);
    if (const auto others = collected.failures.size() - 1; others > 0)
        step.error += fmt::format(" (and {} more {})", others, others == 1 ? "failure" : "failures");
}

}  // namespace

std::chrono::milliseconds spread_after(std::chrono::milliseconds wait, std::mt19937_64& random) {
    constexpr std::chrono::milliseconds kWidest{60'000};
    const auto most = std::min(wait / 10, kWidest);
    return std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>{0, most.count()}(random)};
}

NextStep next_step(const NextStepInput& in, std::mt19937_64& random) {
    const auto& collected = in.collected;
    const auto worst = collected.worst();
    NextStep step;
    step.state = collected.failures.empty()                               ? RunState::succeeded
                 : collected.tasks_done > 0 || !collected.samples.empty() ? RunState::partial
                                                                          : RunState::failed;
    explain(collected, worst, step);

    const auto next =
        in.slot_was_due ? schedule::next_slot(in.schedule, in.phase, in.regular_slot, in.started) : in.regular_slot;
    step.due_at = step.slot = next;
    auto go_on = in.now;
    bool gets_on = collected.tasks_done > 0 || collected.waits() || collected.failures.empty();

    switch (worst) {
        case Outcome::reauthorize:
            step.fate = ConnectionFate::needs_authorization;
            gets_on = false;
            break;
        case Outcome::gone:
            step.fate = ConnectionFate::gone;
            gets_on = false;
            break;
        case Outcome::wait: {
            // Everybody who waits for the same thing would be there at the same moment.
            const auto wait = std::max(collected.wait, std::chrono::milliseconds{1'000});
            const auto until = in.now + wait + spread_after(wait, random);
            step.due_at = step.not_before = go_on = until;
            if (in.slot_was_due && until < next) {
                step.slot = in.regular_slot;
                step.attempt = in.attempt > 0 ? in.attempt - 1 : 0;
            }
            break;
        }
        case Outcome::retry: {
            const auto after_attempt = [&](unsigned attempt) {
                return in.now + schedule::retry_delay({.attempt = std::max(attempt, 1U),
                                                       .base = in.retry.base,
                                                       .ceiling = in.retry.ceiling,
                                                       .floor = collected.wait},
                                                      random);
            };
            const auto retry_at = after_attempt(in.attempt);
            // What may wait does not hurry, and is not given up: the next regular slot looks for gaps anyway.
            go_on = after_attempt(collected.tasks_done > 0 ? in.attempt : in.retry.attempts);
            gets_on = true;
            if (in.counts && in.attempt >= in.retry.attempts) {
                step.gave_up = true;
                break;
            }
            step.due_at = step.not_before = std::min(retry_at, next);
            if (retry_at < next) {
                step.slot = in.slot_was_due ? in.regular_slot : next;
                step.attempt = in.counts ? in.attempt : std::max(in.attempt, 1U) - 1;
            }
            break;
        }
        default:
            break;
    }
    if (collected.put_off_until) {
        // The regular slot stands: it has its own share of the limit.
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*collected.put_off_until - in.now);
        const auto until =
            *collected.put_off_until + spread_after(std::max(wait, std::chrono::milliseconds{0}), random);
        step.not_before = go_on = std::max(step.not_before, until);
    }
    if (collected.tasks_left > 0 && gets_on) step.spare_at = go_on;
    return step;
}

}  // namespace tally::collect
