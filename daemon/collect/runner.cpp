// SPDX-License-Identifier: Apache-2.0
// Opens the token, collects, decides what is next.
#include "daemon/collect/runner.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.hpp"
#include "daemon/collect/next_step.hpp"

namespace tally::collect {

namespace {

using boost::asio::awaitable;

constexpr std::chrono::hours kLookupsKeep{24};
constexpr const char* kLookedUpAt = "looked_up_at";  // attribute: when the look-ups were last answered

std::string_view to_text(RunState state) noexcept {
    switch (state) {
        case RunState::succeeded:
            return "succeeded";
        case RunState::partial:
            return "partial";
        case RunState::failed:
            break;
    }
    return "failed";
}

std::string_view to_text(ConnectionFate fate) noexcept {
    switch (fate) {
        case ConnectionFate::unchanged:
            return "";
        case ConnectionFate::needs_authorization:
            return "needs_authorization";
        case ConnectionFate::gone:
            break;
    }
    return "gone";
}

/// Triggers with days are served together, one hull a run; a trigger without days gets the ordinary plan first.
void choose_triggers(const std::vector<lease::Trigger>& waiting, std::optional<DayRange>& forced,
                     std::vector<std::int64_t>& served) {
    const bool ordinary =
        std::any_of(waiting.begin(), waiting.end(), [](const auto& trigger) { return !trigger.days; });
    for (const auto& trigger : waiting) {
        if (ordinary == trigger.days.has_value()) continue;
        served.push_back(trigger.id);
        if (!trigger.days) continue;
        if (!forced) forced = trigger.days;
        forced->first = std::min(forced->first, trigger.days->first);
        forced->last = std::max(forced->last, trigger.days->last);
    }
}

bool lookups_are_old(const std::map<std::string, std::string>& attributes, Instant at) {
    const auto known = attributes.find(kLookedUpAt);
    const auto when = known == attributes.end() ? std::nullopt : parse_instant(known->second);
    return !when || *when + kLookupsKeep < at;
}

}  // namespace

Job make_job(const Rules& rules, const std::string& tier, const std::string& platform, const std::string& account_id,
             const std::map<std::string, std::string>& attributes, const Credential& credential) {
    Job job;
    job.platform = rules.catalog.find(platform);
    if (!job.platform)
        throw Error(Fault::config, fmt::format("there is no platform file for '{}'", platform),
                    "See 'tallyctl platform list'.");
    const auto& settings = rules.config.platform(platform);
    if (!settings.enabled)
        throw Error(Fault::config, fmt::format("the platform '{}' is switched off in the configuration", platform));
    job.target.account = account_id;
    job.target.attributes = attributes;
    job.target.access_token = credential.access_token;
    job.target.derived_tokens = credential.derived;
    job.target.base_url = settings.base_url;
    job.backfill = rules.backfill_of(tier);
    job.request_timeout = rules.config.collect.timeout;
    return job;
}

awaitable<store::RunResult> Runner::run(std::shared_ptr<const Rules> rules, lease::Assignment assignment) {
    store::RunResult result;
    result.lease = assignment.lease;
    result.user_id = assignment.user_id;
    result.platform = assignment.platform;
    result.account_id = assignment.account_id;
    result.node = node_;
    result.started_at = now();
    result.slot_served = assignment.lease.slot_at <= result.started_at;
    result.trigger = !assignment.triggers.empty() ? "manual" : assignment.lease.attempt > 1 ? "retry" : "schedule";

    Collected collected;
    try {
        const store::Owner owner{assignment.user_id, assignment.platform, assignment.account_id};
        auto credential =
            Credential::read(vault_.open(assignment.sealed_user_key, owner, assignment.sealed_credential));
        auto job = make_job(*rules, assignment.tier, assignment.platform, assignment.account_id, assignment.attributes,
                            credential);
        const auto platform = job.platform;
        job.coverage = std::move(assignment.coverage);
        choose_triggers(assignment.triggers, job.forced, result.triggers);
        job.refresh_lookups = !platform->lookups.empty() && lookups_are_old(assignment.attributes, result.started_at);
        result.source = platform->source;

        collected = co_await collect(http_, limiter_, std::move(job));

        auto attributes = assignment.attributes;
        for (const auto& [name, value] : collected.learned_attributes) {
            if (attributes[name] != value) result.learned[name] = value;
            attributes[name] = value;
        }
        if (!collected.learned_attributes.empty() || !collected.learned_tokens.empty())
            result.learned[kLookedUpAt] = render_instant(std::chrono::floor<std::chrono::seconds>(result.started_at));
        const bool new_token =
            std::any_of(collected.learned_tokens.begin(), collected.learned_tokens.end(), [&](const auto& learned) {
                const auto known = credential.derived.find(learned.first);
                return known == credential.derived.end() || known->second.reveal() != learned.second.reveal();
            });
        if (new_token) {
            for (const auto& [name, token] : collected.learned_tokens) credential.derived[name] = token;
            result.sealed_before = assignment.sealed_credential;
            result.sealed_after = vault_.seal(assignment.sealed_user_key, owner, credential.render());
        }
        if (!collected.samples.empty())
            result.zone = platform::day_zone(*platform, {.account = assignment.account_id,
                                                         .attributes = attributes,
                                                         .access_token = {},
                                                         .derived_tokens = {},
                                                         .base_url = std::nullopt});
    } catch (const Error& error) {
        // The token does not open, or the configuration lacks the platform: the slot stands, a person must look.
        collected.failures.push_back(
            {.request = "start", .outcome = platform::Outcome::bug, .code = "start", .message = describe_line(error)});
        for (const auto& trigger : assignment.triggers) {
            if (std::find(result.triggers.begin(), result.triggers.end(), trigger.id) == result.triggers.end())
                result.triggers.push_back(trigger.id);
        }
    }

    const auto& retry = rules->config.collect;
    const auto step =
        next_step({.collected = collected,
                   .regular_slot = assignment.lease.slot_at,
                   .attempt = assignment.lease.attempt,
                   .schedule = rules->schedule_of(assignment.tier),
                   .phase = rules->phase_of(assignment.tier, assignment.lease.connection_id),
                   .retry = {.attempts = retry.attempts, .base = retry.retry_base, .ceiling = retry.retry_ceiling},
                   .now = now()},
                  random_);
    result.requests = collected.requests;
    result.samples = std::move(collected.samples);
    result.coverage = std::move(collected.coverage);
    result.state = to_text(step.state);
    result.error_class = step.error_class;
    result.error = step.error;
    result.next_due = step.due_at;
    result.next_slot = step.slot;
    result.next_attempt = step.attempt;
    result.gave_up = step.gave_up;
    result.connection_state = to_text(step.fate);
    co_return result;
}

}  // namespace tally::collect
