// SPDX-License-Identifier: Apache-2.0
// Opens the token, collects, decides what is next.
#include "daemon/collect/runner.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.hpp"
#include "daemon/collect/next_step.hpp"
#include "daemon/collect/trigger_choice.hpp"

namespace tally::collect {

namespace {

using boost::asio::awaitable;

constexpr std::chrono::hours kLookupsKeep{24};
constexpr std::size_t kBackfillTasks = 60;  // requests in one go: what is due meanwhile comes between two goes
constexpr std::chrono::minutes kCareAfterTrouble{10};
constexpr std::chrono::days kZoneMargin{1};  // retention goes by UTC, and an account's day may be one behind
constexpr const char* kTokenExpiring = "token_expiring";
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

std::string subject_of(const HeldCredential& held) {
    return store::alert_subject({held.user_id, held.platform, held.account_id});
}

bool lookups_are_old(const std::map<std::string, std::string>& attributes, Instant at) {
    const auto known = attributes.find(kLookedUpAt);
    const auto when = known == attributes.end() ? std::nullopt : parse_instant(known->second);
    return !when || *when + kLookupsKeep < at;
}

std::shared_ptr<const platform::Platform> find_platform(const Rules& rules, const std::string& name) {
    auto platform = rules.catalog.find(name);
    if (!platform)
        throw Error(Fault::config, fmt::format("there is no platform file for '{}'", name),
                    "See 'tallyctl platform list'.");
    return platform;
}

/// Days whose numbers retention has deleted are not known any more.
void forget_before(platform::Coverage& coverage, Day oldest) {
    for (auto& [request, days] : coverage) days.erase(days.begin(), days.lower_bound(oldest));
}

/// Whether what was asked for by hand waits for another run: as long as it gets on, or was told to wait.
bool goes_on(const Collected& collected) {
    const auto worst = collected.worst();
    const bool broken = worst == platform::Outcome::reauthorize || worst == platform::Outcome::gone;
    return collected.tasks_left > 0 && !broken && (collected.tasks_done > 0 || collected.waits());
}

}  // namespace

Job make_job(const Rules& rules, const std::string& tier, const std::string& platform, const std::string& account_id,
             const std::map<std::string, std::string>& attributes, const Credential& credential) {
    Job job;
    job.platform = find_platform(rules, platform);
    const auto& settings = rules.config.platform(platform);
    if (!settings.enabled)
        throw Error(Fault::config, fmt::format("the platform '{}' is switched off in the configuration", platform));
    job.target.account = account_id;
    job.target.attributes = attributes;
    job.target.access_token = credential.access_token;
    job.target.derived_tokens = credential.derived;
    job.target.app = rules.app_of(platform, attributes);
    job.target.base_url = settings.base_url;
    job.backfill = rules.backfill_of(tier);
    job.request_timeout = rules.config.collect.timeout;
    return job;
}

/// What the token needs in this run, and what came of it.
struct Runner::Care {
    bool due = false;  ///< validation or proof of consent
    UpkeepInput::Care done = UpkeepInput::Care::not_due;
    bool verified = false;  ///< the platform took the token
    bool renewed = false, renewal_failed = false;
    std::optional<platform::Verdict> trouble;  ///< collecting makes no sense
};

/// Renews a token ahead of its end, and gives it what its platform demands.
awaitable<void> Runner::care(const Provider& provider, HeldCredential& held, Care& care) {
    const auto& login = *provider.login;
    const auto& credential = held.credential;
    const bool renewable = can_renew(provider, credential);
    bool renewed = false;
    if (renewable && platform::refresh_due(login, credential.issued_at, credential.expires_at, now())) {
        auto renewal = co_await parts_.tokens.renew(provider, held);
        renewed = renewal.access_token.has_value();
        care.renewal_failed = !renewed;
        const bool over = credential.expires_at && *credential.expires_at <= now();
        const auto outcome = renewal.verdict.outcome;
        // A token that still lives is used to its end.
        if (!renewed && (over || outcome == platform::Outcome::reauthorize)) {
            care.trouble = std::move(renewal.verdict);
            care.done = UpkeepInput::Care::failed;
            co_return;
        }
    }
    care.verified = renewed;
    care.renewed = renewed;
    if (!care.due) co_return;
    const bool must_prove = login.reverify.count() > 0 && !renewed;
    std::optional<platform::Verdict> verdict;
    if (login.validate && (login.validate->every.count() > 0 || (must_prove && !renewable)))
        verdict = (co_await parts_.tokens.validate(provider, held)).verdict;
    else if (must_prove && renewable)
        verdict = (co_await parts_.tokens.renew(provider, held)).verdict;
    const bool works = verdict && verdict->outcome == platform::Outcome::ok;
    care.verified = renewed || works;
    const bool lacking = verdict ? !works : must_prove;
    care.done = lacking ? UpkeepInput::Care::failed : UpkeepInput::Care::done;
    if (verdict && verdict->outcome == platform::Outcome::reauthorize) care.trouble = std::move(verdict);
}

/// Somebody has to authorize again before a token ends that nothing renews. Those that live for hours are renewed at
/// the last moment, so nothing is said of their first failure.
void Runner::note_end_of_token(const Rules& rules, const Provider& provider, const HeldCredential& held,
                               const Care& care, store::RunResult& result) {
    const auto& credential = held.credential;
    const auto warning = rules.config.alerts.token;
    const bool near = credential.expires_at && *credential.expires_at - now()<warning&& * credential.expires_at> now();
    const bool long_lived =
        credential.expires_at && credential.issued_at && *credential.expires_at - *credential.issued_at > warning;
    const bool renews = can_renew(provider, credential);
    if (near && (!renews || (care.renewal_failed && long_lived)))
        result.alerts.push_back(
            {.kind = kTokenExpiring,
             .subject = subject_of(held),
             .message = fmt::format("the token ends {} and {} be renewed; authorize again",
                                    render_instant(*credential.expires_at), renews ? "could not" : "cannot")});
    else if (care.renewed)
        result.alerts.push_back({.kind = kTokenExpiring, .subject = subject_of(held), .message = {}});
}

/// What is known before anything is asked.
store::RunResult Runner::begin(const Rules& rules, const lease::Assignment& assignment) const {
    const auto& lease = assignment.lease;
    store::RunResult result;
    result.lease = lease;
    result.user_id = assignment.user_id;
    result.platform = assignment.platform;
    result.account_id = assignment.account_id;
    result.tier = assignment.tier;
    result.slack = rules.slack_of(assignment.tier);
    result.node = node_;
    result.started_at = now();
    result.upkeep_at = lease.upkeep_at;
    result.spare_at = lease.spare_at;
    for (const auto& trigger : assignment.triggers) {
        if (trigger.days) result.asked_again_since.push_back(trigger.requested_at);
    }
    if (lease.slot_at > result.started_at || assignment.state != "active") return result;
    const auto due =
        schedule::collapse(rules.schedule_of(assignment.tier), rules.phase_of(assignment.tier, lease.connection_id),
                           lease.slot_at, result.started_at);
    result.slot = due.served;
    if (due.merged > 0) result.merged = {.first = lease.slot_at, .last = *due.merged_last, .slots = due.merged};
    return result;
}

/// Which part of the work this run does.
struct Runner::Work {
    bool collects = false;  ///< false: only the token is cared for
    bool spare = false;
    TriggerChoice triggers;
};

Runner::Work Runner::choose(const lease::Assignment& assignment, const store::RunResult& result) {
    const Day today{std::chrono::floor<std::chrono::days>(now()).time_since_epoch()};  // to the day is enough
    Work work;
    // A slot that has fallen due since the claim is served by it.
    work.spare = assignment.lease.is_spare() && !result.slot;
    work.triggers = choose_triggers(assignment.triggers, result.slot.has_value(), work.spare, today);
    work.collects = assignment.state == "active" &&
                    (work.spare || !work.triggers.served.empty() || assignment.lease.collect_at <= result.started_at);
    return work;
}

/// False: all days that were asked for are older than what is kept.
bool Runner::prepare(Job& job, const Work& work, std::optional<Day> oldest, lease::Assignment& assignment) const {
    job.coverage = std::move(assignment.coverage);
    if (oldest) forget_before(job.coverage, *oldest - kZoneMargin);
    job.refused = std::move(assignment.refused);
    job.probe = std::move(assignment.probe);
    parts_.health.prepare(job);
    if (work.triggers.days) {
        job.forced = still_kept(*work.triggers.days, oldest);
        job.forced_since = work.triggers.requested_at;
        job.max_tasks = kBackfillTasks;
    }
    job.part = work.spare               ? platform::Part::gaps
               : work.triggers.ordinary ? platform::Part::all
                                        : platform::Part::regular;
    job.spare = work.spare;
    return job.forced || !work.triggers.days;
}

awaitable<RunOutcome> Runner::run(std::shared_ptr<const Rules> rules, lease::Assignment assignment) {
    RunOutcome outcome;
    auto& result = outcome.result;
    result = begin(*rules, assignment);
    const auto work = choose(assignment, result);
    const auto& lease = assignment.lease;
    const auto attempt = result.merged ? 1 : result.slot && !lease.counted ? lease.attempt + 1 : lease.attempt;
    result.trigger = !work.triggers.served.empty() ? "manual" : work.spare ? "gap" : attempt > 1 ? "retry" : "schedule";
    Collected collected;
    try {
        const auto platform = find_platform(*rules, assignment.platform);
        auto held = hold(assignment);
        const auto provider = provider_of(*rules, platform, assignment.attributes);
        auto job = make_job(*rules, assignment.tier, assignment.platform, assignment.account_id, assignment.attributes,
                            held.credential);
        if (const auto denial = parts_.budgets.blocked(*platform, job.target)) {
            outcome.deferred_until =
                denial->until +
                spread_after(std::chrono::ceil<std::chrono::milliseconds>(denial->until - now()), random_);
            co_return outcome;
        }
        Care state;
        state.due = assignment.lease.upkeep_at && *assignment.lease.upkeep_at <= result.started_at;
        if (provider.login != nullptr) co_await care(provider, held, state);
        note_end_of_token(*rules, provider, held, state, result);
        if (state.trouble) {
            collected.failures.push_back({.request = "token",
                                          .outcome = state.trouble->outcome,
                                          .code = state.trouble->code,
                                          .message = state.trouble->message});
            collected.wait = state.trouble->wait;
            collected.lease_lost = state.trouble->code == kLeaseLost;
            collected.stopped = true;
            for (const auto& trigger : assignment.triggers) result.triggers.push_back(trigger.id);
        } else if (work.collects) {
            result.source = platform->source;
            result.triggers = work.triggers.served;
            job.target.access_token = held.credential.access_token;
            const bool nothing_left = !prepare(job, work, rules->oldest_kept(assignment.tier, now()), assignment);
            job.leased = [this] { return parts_.trust.holds(); };
            job.observe = [this, &name = platform->name](const auto&, const auto& response, const auto& verdict) {
                parts_.metrics.request_ended(name, platform::to_text(verdict.outcome), response.elapsed);
            };
            job.refresh_lookups =
                !platform->lookups.empty() && lookups_are_old(assignment.attributes, result.started_at);
            if (can_renew(provider, held.credential))
                job.renew = [this, &provider, &held] { return parts_.tokens.renew(provider, held); };
            job.granted_scopes = [this, &provider, &held] { return granted_scopes(provider, held); };

            if (!nothing_left) collected = co_await collect(parts_.http, parts_.budgets, std::move(job));

            keep_what_was_learned(assignment, *platform, held, collected, result);
            parts_.health.note(*platform, collected, result);
            for (const auto& failure : collected.failures) {
                if (failure.code != kMissingScope) continue;
                result.alerts.push_back(
                    {.kind = "missing_scope", .subject = subject_of(held), .message = failure.message});
                break;
            }
            if (work.triggers.days && goes_on(collected)) result.requests_left = collected.tasks_left;
            // Nothing was there to be asked: no run, unless somebody waits for its end.
            const bool idle = work.spare && collected.requests == 0 && collected.failures.empty();
            if (idle && (work.triggers.served.empty() || collected.put_off_until)) result.recorded = false;
            state.verified = state.verified || collected.tasks_done > 0;
        }
        result.sealed_used = held.sealed;
        result.upkeep_at = next_upkeep({.login = provider.login,
                                        .credential = held.credential,
                                        .planned = assignment.lease.upkeep_at,
                                        .verified = state.verified,
                                        .care = state.done,
                                        .now = now()});
    } catch (const Error& error) {
        // The token does not open, or the configuration lacks the platform: the slot stands, a person must look.
        collected.failures.push_back(
            {.request = "start", .outcome = platform::Outcome::bug, .code = "start", .message = describe_line(error)});
        result.triggers.clear();
        for (const auto& trigger : assignment.triggers) result.triggers.push_back(trigger.id);
        if (result.upkeep_at) result.upkeep_at = std::max(*result.upkeep_at, now() + kCareAfterTrouble);
    }
    outcome.lease_lost = collected.lease_lost;
    outcome.answered = collected.tasks_done > 0;
    outcome.platform_failed = !outcome.answered && collected.worst() == platform::Outcome::retry;
    const bool dead = collected.worst() == platform::Outcome::reauthorize;
    if (dead) {
        result.upkeep_at = std::nullopt;
        // What has ended is an alert of its own.
        result.alerts.push_back(
            {.kind = kTokenExpiring,
             .subject = store::alert_subject({assignment.user_id, assignment.platform, assignment.account_id}),
             .message = {}});
    }
    decide(*rules, assignment, attempt, std::move(collected), result);
    if ((!work.collects || work.spare) && !dead) keep_plan(assignment.lease, result);
    if (!work.collects && !dead) {
        result.recorded = false;
        result.not_before = {};
        result.spare_at = assignment.lease.spare_at;
        result.connection_state.clear();
    }
    if (work.triggers.days) result.spare_at = assignment.lease.spare_at;  // gaps were not looked at
    co_return outcome;
}

/// What the lease of a regular slot would do is left as it was.
void Runner::keep_plan(const lease::Lease& lease, store::RunResult& result) {
    result.next_due = lease.collect_at;
    result.next_slot = lease.slot_at;
    result.next_attempt = lease.counted ? std::max(lease.attempt, 1U) - 1 : lease.attempt;
    result.slot = std::nullopt;
    result.merged = std::nullopt;
    result.gave_up = false;
}

HeldCredential Runner::hold(const lease::Assignment& assignment) const {
    HeldCredential held{.connection_id = assignment.lease.connection_id,
                        .lease_token = assignment.lease.token,
                        .user_id = assignment.user_id,
                        .platform = assignment.platform,
                        .account_id = assignment.account_id,
                        .sealed_user_key = assignment.sealed_user_key,
                        .sealed = assignment.sealed_credential,
                        .credential = {}};
    held.credential = Credential::read(
        vault_.open(held.sealed_user_key, {held.user_id, held.platform, held.account_id}, held.sealed));
    return held;
}

/// The scopes of the token, as its answer told or as the platform tells now.
awaitable<std::optional<std::set<std::string>>> Runner::granted_scopes(const Provider& provider, HeldCredential& held) {
    if (held.credential.scopes) co_return held.credential.scopes;
    if (provider.login == nullptr || !provider.login->validate) co_return std::nullopt;
    auto told = co_await parts_.tokens.validate(provider, held);
    co_return told.value ? told.value->scopes : std::nullopt;
}

/// Facts from look-ups, derived tokens and the account's zone.
void Runner::keep_what_was_learned(const lease::Assignment& assignment, const platform::Platform& platform,
                                   HeldCredential& held, const Collected& collected, store::RunResult& result) const {
    auto& credential = held.credential;
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
        result.sealed_before = held.sealed;
        result.sealed_after =
            vault_.seal(held.sealed_user_key, {held.user_id, held.platform, held.account_id}, credential.render());
    }
    if (!collected.samples.empty())
        result.zone = platform::day_zone(platform, {.account = assignment.account_id,
                                                    .attributes = attributes,
                                                    .access_token = {},
                                                    .derived_tokens = {},
                                                    .app = {},
                                                    .base_url = std::nullopt});
}

/// What the run was, and when the connection is served next.
void Runner::decide(const Rules& rules, const lease::Assignment& assignment, unsigned attempt, Collected collected,
                    store::RunResult& result) {
    const auto& retry = rules.config.collect;
    const auto step =
        next_step({.collected = collected,
                   .regular_slot = result.slot.value_or(assignment.lease.slot_at),
                   .slot_was_due = result.slot.has_value(),
                   .attempt = attempt,
                   .counts = !assignment.probe_of_platform,
                   .schedule = rules.schedule_of(assignment.tier),
                   .phase = rules.phase_of(assignment.tier, assignment.lease.connection_id),
                   .retry = {.attempts = retry.attempts, .base = retry.retry_base, .ceiling = retry.retry_ceiling},
                   .started = result.started_at,
                   .now = now()},
                  random_);
    result.lease.attempt = attempt;
    result.requests = collected.requests;
    result.samples = std::move(collected.samples);
    result.coverage = std::move(collected.coverage);
    result.state = to_text(step.state);
    result.error_class = step.error_class;
    result.error = step.error;
    result.next_due = step.due_at;
    result.next_slot = step.slot;
    result.spare_at = step.spare_at;
    result.not_before = step.not_before;
    result.next_attempt = step.attempt;
    result.gave_up = step.gave_up;
    result.connection_state = to_text(step.fate);
}

}  // namespace tally::collect
