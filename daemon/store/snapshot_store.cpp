// SPDX-License-Identifier: Apache-2.0
// Staging by COPY, one upsert, and everything else of a run in the same transaction.
#include "daemon/store/snapshot_store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "daemon/schedule/lateness.hpp"
#include "daemon/store/registry.hpp"

namespace tally::store {

namespace {

using postgres::Transaction;
using Calls = std::vector<postgres::Call>;

constexpr std::size_t kMaxTextBytes = 300;
constexpr std::size_t kMaxNamedRefusals = 10;
constexpr std::string_view kCheckViolation = "23514";  // also a row that no partition takes

constexpr const char* kPrepareSession = R"(
    CREATE TEMP TABLE IF NOT EXISTS staged_snapshots (
        user_id text, platform text, account_id text, source text, metric text, date date, value double precision,
        metadata jsonb, run_id bigint, day_over_at timestamptz) ON COMMIT DELETE ROWS)";

const std::vector<std::string> kStagedColumns{"user_id", "platform", "account_id", "source", "metric",
                                              "date",    "value",    "metadata",   "run_id", "day_over_at"};

/// Why a row cannot be stored, before the database is asked; empty when it can.
std::string refusal(const platform::Sample& sample) {
    if (!std::isfinite(sample.value)) return "the value is not finite";
    if (!postgres::is_storable(sample.metric)) return "the metric's name is no valid text";
    if (sample.metric.empty() || sample.metric.size() > kMaxTextBytes) return "the metric's name is too long";
    if (!postgres::is_storable(sample.metadata) || sample.metadata.find("\\u0000") != std::string::npos)
        return "the metadata is no valid text";
    return {};
}

std::string name_row(const platform::Sample& sample, std::string_view why) {
    return fmt::format("{} of {}: {}", postgres::make_storable(sample.metric, 80), render_day(sample.day), why);
}

/// In the order of the keys, each once: of two numbers for the same day the later one is right.
void put_in_order(std::vector<std::size_t>& rows, const std::vector<platform::Sample>& samples) {
    const auto key = [&](std::size_t row) { return std::tie(samples[row].metric, samples[row].day); };
    std::sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
        return std::tuple{key(a), b} < std::tuple{key(b), a};
    });
    rows.erase(std::unique(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) { return key(a) == key(b); }),
               rows.end());
}

/// A run with those of its samples that are to be stored.
struct Chosen {
    const RunResult* run;
    const std::vector<std::size_t>* rows;
};

/// One COPY for all of them.
void copy_rows(Transaction& transaction, const std::vector<Chosen>& chosen) {
    auto at = chosen.begin();
    std::size_t next = 0;
    std::unordered_map<std::int64_t, Instant> day_ends;  // of the run's zone
    transaction.copy("staged_snapshots", kStagedColumns, [&](postgres::CopyRow& row) {
        while (at != chosen.end() && next == at->rows->size()) {
            ++at;
            next = 0;
            day_ends.clear();
        }
        if (at == chosen.end()) return false;
        const auto& run = *at->run;
        const auto& sample = run.samples[(*at->rows)[next++]];
        auto& day_end = day_ends[sample.day.time_since_epoch().count()];
        if (day_end == Instant{}) day_end = run.zone->end_of(sample.day);
        for (const auto* name : {&run.user_id, &run.platform, &run.account_id, &run.source, &sample.metric})
            row.add_text(*name);
        row.add_date(sample.day);
        row.add_float8(sample.value);
        row.add_jsonb(sample.metadata);
        row.add_int8(run.lease.token);
        row.add_timestamptz(day_end);
        return true;
    });
}

std::string one_line(const std::string& text) {
    return postgres::make_storable(text, 2'000);
}

/// Adds what was refused to the run's own error.
std::string error_text(const RunResult& run, const RunReport& report) {
    if (report.refused.empty()) return one_line(run.error);
    std::string text = run.error.empty() ? "" : run.error + "; ";
    text += fmt::format("{} row{} refused: ", report.refused.size(), report.refused.size() == 1 ? "" : "s");
    for (std::size_t i = 0; i < std::min(report.refused.size(), kMaxNamedRefusals); ++i)
        text += (i > 0 ? "; " : "") + report.refused[i];
    return one_line(text);
}

std::string state_of(const RunResult& run, const RunReport& report) {
    return run.state == "succeeded" && !report.refused.empty() ? "partial" : run.state;
}

void write_coverage(Calls& calls, const std::vector<const RunResult*>& runs) {
    std::vector<std::int64_t> cleared, ids, run_ids;
    std::vector<std::string> cleared_requests, requests, states;
    std::vector<Day> first, last;
    std::vector<Instant> asked;
    for (const auto* run : runs) {
        for (const auto& [request, days] : run->coverage) {
            cleared.push_back(run->lease.connection_id);
            cleared_requests.push_back(request);
            for (const auto& span : platform::to_spans(days, run->asked_again_since)) {
                ids.push_back(run->lease.connection_id);
                requests.push_back(request);
                first.push_back(span.days.first);
                last.push_back(span.days.last);
                states.emplace_back(platform::to_text(span.status.state));
                asked.push_back(span.status.asked_at);
                run_ids.push_back(run->lease.token);
            }
        }
    }
    if (cleared.empty()) return;
    calls.push_back({.statement = "clear_coverage", .params = {cleared, cleared_requests}});
    if (!ids.empty())
        calls.push_back({.statement = "add_coverage", .params = {ids, requests, first, last, states, asked, run_ids}});
}

void write_runs(Calls& calls, const std::vector<const RunResult*>& runs, const std::vector<const RunReport*>& reports) {
    std::vector<std::int64_t> ids, connections, requests, written, changed, attempts;
    std::vector<std::string> users, platforms, accounts, triggers, nodes, states, classes, errors;
    std::vector<std::optional<Instant>> slots;
    std::vector<Instant> started;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const auto& run = *runs[i];
        if (!run.recorded) continue;
        ids.push_back(run.lease.token);
        connections.push_back(run.lease.connection_id);
        users.push_back(run.user_id);
        platforms.push_back(run.platform);
        accounts.push_back(run.account_id);
        triggers.push_back(run.trigger);
        slots.push_back(run.slot);
        started.push_back(run.started_at);
        nodes.push_back(run.node);
        attempts.push_back(run.lease.attempt);
        states.push_back(state_of(run, *reports[i]));
        requests.push_back(run.requests);
        written.push_back(reports[i]->rows_written);
        changed.push_back(reports[i]->rows_changed);
        classes.push_back(run.error_class.empty() && !reports[i]->refused.empty() ? "refused"
                                                                                  : one_line(run.error_class));
        errors.push_back(error_text(run, *reports[i]));
    }
    if (ids.empty()) return;
    calls.push_back({.statement = "record_runs",
                     .params = {ids, connections, users, platforms, accounts, triggers, slots, started, nodes, attempts,
                                states, requests, written, changed, classes, errors}});
}

/// Slots that this run does not serve: those merged into the one that it does, and one that is given up.
void write_exceptions(Calls& calls, const std::vector<const RunResult*>& runs) {
    std::vector<std::int64_t> connections, run_ids, counts;
    std::vector<Instant> first, last;
    std::vector<std::string> kinds, reasons;
    const auto add = [&](const RunResult& run, RunResult::Merged slots, const char* kind, const std::string& reason) {
        connections.push_back(run.lease.connection_id);
        run_ids.push_back(run.lease.token);
        first.push_back(slots.first);
        last.push_back(slots.last);
        counts.push_back(static_cast<std::int64_t>(slots.slots));
        kinds.emplace_back(kind);
        reasons.push_back(one_line(reason));
    };
    for (const auto* run : runs) {
        if (run->merged && run->slot)
            add(*run, *run->merged, "merged", "not begun in time; the run served " + render_instant(*run->slot));
        if (run->gave_up && run->slot)
            add(*run, {.first = *run->slot, .last = *run->slot, .slots = 1}, "given_up",
                fmt::format("failed {} times: {}", run->lease.attempt, run->error));
    }
    if (!connections.empty())
        calls.push_back(
            {.statement = "record_exceptions", .params = {connections, first, last, counts, kinds, reasons, run_ids}});
}

/// What the runs came to, added to the counters of their hours.
void count_runs(Calls& calls, const std::vector<const RunResult*>& runs, const std::vector<const RunReport*>& reports) {
    struct Counts {
        std::int64_t succeeded = 0, partial = 0, failed = 0, requests = 0, written = 0, changed = 0;
        schedule::LatenessCounts late{};
    };
    std::map<std::tuple<Instant, std::string, std::string, std::string>, Counts> sums;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const auto& run = *runs[i];
        if (!run.recorded) continue;
        const auto hour = Instant{std::chrono::floor<std::chrono::hours>(run.started_at)};
        auto& sum = sums[{hour, run.tier, run.platform, run.node}];
        const auto state = state_of(run, *reports[i]);
        ++(state == "succeeded" ? sum.succeeded : state == "partial" ? sum.partial : sum.failed);
        sum.requests += run.requests;
        sum.written += reports[i]->rows_written;
        sum.changed += reports[i]->rows_changed;
        if (const auto late = run.lateness()) ++sum.late[schedule::lateness_bucket(*late)];
    }
    if (sums.empty()) return;
    std::vector<Instant> hours;
    std::vector<std::string> tiers, platforms, nodes, late;
    std::vector<std::int64_t> succeeded, partial, failed, requests, written, changed;
    for (const auto& [key, sum] : sums) {
        hours.push_back(std::get<0>(key));
        tiers.push_back(std::get<1>(key));
        platforms.push_back(std::get<2>(key));
        nodes.push_back(std::get<3>(key));
        succeeded.push_back(sum.succeeded);
        partial.push_back(sum.partial);
        failed.push_back(sum.failed);
        requests.push_back(sum.requests);
        written.push_back(sum.written);
        changed.push_back(sum.changed);
        late.push_back(fmt::format("{{{}}}", fmt::join(sum.late, ",")));
    }
    calls.push_back(
        {.statement = "count_runs",
         .params = {hours, tiers, platforms, nodes, succeeded, partial, failed, requests, written, changed, late}});
}

/// Slots are given up loudly: an alert a connection, until it is collected again.
void write_given_up(Calls& calls, const std::vector<const RunResult*>& runs) {
    std::vector<std::string> collected;
    for (const auto* run : runs) {
        if (!run->recorded || !run->slot) continue;
        const auto subject = alert_subject({run->user_id, run->platform, run->account_id});
        if (run->gave_up)
            calls.push_back({.statement = "raise_alert",
                             .params = {"given_up", subject,
                                        one_line(fmt::format("failed {} times, given up until the next slot: {}",
                                                             run->lease.attempt, run->error))}});
        else if (run->state != "failed")
            collected.push_back(subject);
    }
    if (!collected.empty()) calls.push_back({.statement = "resolve_alerts_on", .params = {"given_up", collected}});
}

/// Connections whose run told of the end of a credential that is not theirs any more: the new one has not been tried.
using Untried = std::unordered_set<std::int64_t>;

void write_triggers(Calls& calls, const std::vector<const RunResult*>& runs,
                    const std::vector<const RunReport*>& reports, const Untried& untried) {
    std::vector<std::int64_t> ids, run_ids, made, left;
    std::vector<std::string> states;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        for (const auto id : runs[i]->triggers) {
            ids.push_back(id);
            const bool waits = runs[i]->requests_left > 0 || untried.contains(runs[i]->lease.connection_id);
            states.push_back(waits ? "waiting" : state_of(*runs[i], *reports[i]));
            run_ids.push_back(runs[i]->lease.token);
            made.push_back(runs[i]->requests);
            left.push_back(static_cast<std::int64_t>(runs[i]->requests_left));
        }
    }
    if (!ids.empty()) calls.push_back({.statement = "serve_triggers", .params = {ids, states, run_ids, made, left}});
}

Untried write_connections(Transaction& transaction, const std::vector<const RunResult*>& runs) {
    Untried untried;
    for (const auto* run : runs) {
        const auto id = run->lease.connection_id;
        if (!run->connection_state.empty()) {
            const auto changed = transaction.exec("set_connection_state",
                                                  {id, run->connection_state, one_line(run->error), run->sealed_used});
            if (changed.empty()) {
                untried.insert(id);
            } else {
                transaction.exec("fail_waiting_triggers", {id, run->lease.token});
                transaction.exec("raise_alert",
                                 {run->connection_state, alert_subject({run->user_id, run->platform, run->account_id}),
                                  one_line(run->error)});
            }
        }
        // What a platform says of an account may hold what the database cannot: that attribute is asked for again.
        auto learned = run->learned;
        std::erase_if(learned, [](const auto& entry) { return !postgres::is_storable(entry.second); });
        if (!learned.empty()) transaction.exec("learn_attributes", {id, nlohmann::json(learned).dump()});
        if (run->sealed_before && run->sealed_after)
            transaction.exec("replace_credential", {id, *run->sealed_before, *run->sealed_after});
    }
    return untried;
}

constexpr std::int64_t kProbeAfter = std::int64_t{6} * 3600;           // seconds until a refused metric is tried again
constexpr std::int64_t kProbeExpectedAfter = std::int64_t{7} * 86400;  // one that not every account has
constexpr std::int64_t kRefusalsThatConvince = 3;                      // connections, while none gets it

/// How many connections each platform has, counted at most once a transaction.
using ConnectionCounts = std::map<std::string, std::int64_t>;

/// What a person should know of a refusal: the platform's words, what to use instead, whom it concerns and since when.
std::string describe_refusal(Transaction& transaction, const RunResult& run, const RunResult::Refusal& refusal,
                             ConnectionCounts& counts) {
    auto text = refusal.message;
    const auto instead = fmt::format("use '{}' instead", refusal.replaced_by);
    if (!refusal.replaced_by.empty() && text.find(instead) == std::string::npos) text += "; " + instead;
    const auto extent = transaction.exec("refusal_extent", {run.platform, refusal.request, refusal.metric})[0];
    const bool everywhere = extent.boolean("everywhere");
    auto connections = extent.integer("connections");
    if (everywhere) {
        const auto [count, is_new] = counts.try_emplace(run.platform, 0);
        if (is_new)
            count->second = transaction.exec("connections_of_platform", {run.platform})[0].integer("connections");
        connections = count->second;
    }
    return fmt::format("{}; refused to {}{} connection{} since {}", text, everywhere ? "all " : "", connections,
                       connections == 1 ? "" : "s", extent.view("since"));
}

/// A metric that several connections are refused while none gets it is refused for all: one row, one alert.
void write_refusal(Transaction& transaction, const RunResult& run, const RunResult::Refusal& refusal,
                   ConnectionCounts& counts) {
    const auto code = one_line(refusal.code), message = one_line(refusal.message);
    transaction.exec("add_quarantine", {run.lease.connection_id, run.platform, refusal.request, refusal.metric,
                                        refusal.expected ? kProbeExpectedAfter : kProbeAfter, code, message});
    if (refusal.expected) return;
    const auto seen = transaction.exec("refused_connections",
                                       {run.platform, refusal.request, refusal.metric, refusal.last_answered})[0];
    if (seen.integer("connections") >= kRefusalsThatConvince)
        transaction.exec("quarantine_everywhere", {run.platform, refusal.request, refusal.metric, kProbeAfter});
    transaction.exec("raise_alert", {"metric_refused", alert_subject(run.platform, refusal.request, refusal.metric),
                                     one_line(describe_refusal(transaction, run, refusal, counts))});
}

void write_health(Transaction& transaction, const std::vector<const RunResult*>& runs) {
    ConnectionCounts counts;
    for (const auto* run : runs) {
        for (const auto& refusal : run->refusals) write_refusal(transaction, *run, refusal, counts);
        for (const auto& [request, metric] : run->answered_again) {
            transaction.exec("end_quarantine", {run->lease.connection_id, run->platform, request, metric});
            transaction.exec("resolve_refusal",
                             {alert_subject(run->platform, request, metric), run->platform, request, metric});
        }
        for (const auto& alert : run->alerts) {
            if (alert.message.empty())
                transaction.exec("resolve_alert", {alert.kind, alert.subject});
            else
                transaction.exec("raise_alert", {alert.kind, alert.subject, one_line(alert.message)});
        }
    }
}

void finish_slots(Calls& calls, const std::vector<const RunResult*>& runs, const Untried& untried) {
    std::vector<std::int64_t> ids, tokens, attempts, slacks;
    std::vector<Instant> due, slots, not_before, claimed, claimed_slots;
    std::vector<std::optional<Instant>> upkeep, spare;
    for (const auto* run : runs) {
        ids.push_back(run->lease.connection_id);
        tokens.push_back(run->lease.token);
        due.push_back(untried.contains(ids.back()) ? std::min(run->next_due, run->started_at) : run->next_due);
        slots.push_back(run->next_slot);
        attempts.push_back(run->next_attempt);
        upkeep.push_back(run->upkeep_at);
        not_before.push_back(run->not_before);
        claimed.push_back(run->lease.collect_at);
        claimed_slots.push_back(run->lease.slot_at);
        slacks.push_back(run->slack.count());
        spare.push_back(run->spare_at);
    }
    calls.push_back({.statement = "finish_slots",
                     .params = {ids, tokens, due, slots, attempts, upkeep, not_before, claimed, claimed_slots, slacks,
                                spare, lease::kLongPast.count()}});
}

}  // namespace

/// The rows of a run that are still believed to be storable, and the words about those that are not.
struct SnapshotStore::Staged {
    Indices rows;
    std::vector<std::string> refused;
};

SnapshotStore::SnapshotStore(postgres::Session session) : session_(std::move(session)) {
    session_.exec_alone(kPrepareSession);
}

std::vector<RunReport> SnapshotStore::store(const std::vector<RunResult>& runs) {
    ensure_partitions(runs);
    std::vector<Staged> staged(runs.size());
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const auto& samples = runs[i].samples;
        for (std::size_t row = 0; row < samples.size(); ++row) {
            if (const auto why = refusal(samples[row]); why.empty())
                staged[i].rows.push_back(row);
            else
                staged[i].refused.push_back(name_row(samples[row], why));
        }
        put_in_order(staged[i].rows, samples);
    }
    std::vector<RunReport> reports(runs.size());
    Indices all(runs.size());
    std::iota(all.begin(), all.end(), 0U);
    store_or_split(runs, staged, all, reports);
    return reports;
}

/// Gives whether one was made.
bool SnapshotStore::ensure_partitions(const std::vector<RunResult>& runs) {
    std::set<Day> months, days;
    for (const auto& run : runs) {
        days.insert(Day{std::chrono::floor<std::chrono::days>(run.started_at).time_since_epoch()});
        for (const auto& sample : run.samples) {
            const std::chrono::year_month_day date{sample.day};
            months.insert(Day{date.year() / date.month() / std::chrono::day{1}});
        }
    }
    const auto missing = [](const std::set<Day>& wanted, const std::set<Day>& known) {
        std::vector<Day> result;
        std::set_difference(wanted.begin(), wanted.end(), known.begin(), known.end(), std::back_inserter(result));
        return result;
    };
    const auto new_months = missing(months, months_), new_days = missing(days, run_days_);
    if (new_months.empty() && new_days.empty()) return false;
    std::int64_t made = 0;
    auto transaction = session_.begin();
    if (!new_months.empty()) made += transaction.exec("ensure_snapshot_months", {new_months})[0].integer("made");
    if (!new_days.empty()) made += transaction.exec("ensure_runs_days", {new_days})[0].integer("made");
    transaction.commit();
    months_.insert(new_months.begin(), new_months.end());
    run_days_.insert(new_days.begin(), new_days.end());
    return made > 0;
}

/// What is known of partitions may be old: retention drops them. Makes those that are gone.
bool SnapshotStore::partitions_were_missing(const std::vector<RunResult>& runs) {
    months_.clear();
    run_days_.clear();
    return ensure_partitions(runs);
}

/// Tries the members together. When the database refuses the data, halves find the run that holds the guilty row; that
/// run loses the row and goes on alone.
void SnapshotStore::store_or_split(const std::vector<RunResult>& runs, std::vector<Staged>& staged,
                                   const Indices& members, std::vector<RunReport>& reports) {
    if (members.empty()) return;
    bool again = false;
    try {
        std::vector<const RunResult*> chosen;
        std::vector<Chosen> with_rows;
        auto transaction = session_.begin();
        std::vector<std::int64_t> ids, tokens;
        for (const auto i : members) {
            ids.push_back(runs[i].lease.connection_id);
            tokens.push_back(runs[i].lease.token);
        }
        std::unordered_set<std::int64_t> held;
        for (const auto& row : transaction.exec("lock_leases", {ids, tokens}))
            held.insert(row.integer("connection_id"));

        std::unordered_map<std::int64_t, RunReport*> by_run;
        std::vector<const RunReport*> chosen_reports;
        for (const auto i : members) {
            if (!held.contains(runs[i].lease.connection_id)) continue;
            reports[i] = {.stored = true,
                          .rows_written = static_cast<std::int64_t>(staged[i].rows.size()),
                          .rows_changed = 0,
                          .refused = staged[i].refused};
            if (!staged[i].rows.empty()) with_rows.push_back({.run = &runs[i], .rows = &staged[i].rows});
            by_run[runs[i].lease.token] = &reports[i];
            chosen.push_back(&runs[i]);
            chosen_reports.push_back(&reports[i]);
        }
        if (chosen.empty()) return;
        if (!with_rows.empty()) {
            const auto key = [](const Chosen& one) {
                return std::tie(one.run->user_id, one.run->platform, one.run->account_id);
            };
            std::sort(with_rows.begin(), with_rows.end(),
                      [&](const auto& a, const auto& b) { return key(a) < key(b); });
            copy_rows(transaction, with_rows);
            for (const auto& row : transaction.exec("upsert_snapshots"))
                by_run.at(row.integer("run_id"))->rows_changed = row.integer("rows_changed");
        }
        const auto untried = write_connections(transaction, chosen);
        write_health(transaction, chosen);
        // What needs no answer goes to the server at once.
        Calls calls;
        write_coverage(calls, chosen);
        write_runs(calls, chosen, chosen_reports);
        count_runs(calls, chosen, chosen_reports);
        write_exceptions(calls, chosen);
        write_given_up(calls, chosen);
        write_triggers(calls, chosen, chosen_reports, untried);
        finish_slots(calls, chosen, untried);
        transaction.commit(calls);
        return;
    } catch (const postgres::SqlError& error) {
        for (const auto i : members) reports[i] = {};
        if (!error.is_refusal()) throw;
        again = error.sqlstate() == kCheckViolation && partitions_were_missing(runs);
        if (!again && members.size() == 1 && staged[members.front()].rows.empty())
            throw;  // not the numbers are at fault
    }
    if (again) return store_or_split(runs, staged, members, reports);
    if (members.size() == 1) {
        const auto i = members.front();
        const auto before = staged[i].rows.size();
        drop_refused_rows(runs[i], staged[i]);
        if (staged[i].rows.size() == before) staged[i].rows.clear();  // refused together only: none can be trusted
        store_or_split(runs, staged, members, reports);
        return;
    }
    const auto middle = members.begin() + static_cast<std::ptrdiff_t>(members.size() / 2);
    store_or_split(runs, staged, {members.begin(), middle}, reports);
    store_or_split(runs, staged, {middle, members.end()}, reports);
}

/// Finds the guilty rows of one run by trying halves in subtransactions that are always undone.
void SnapshotStore::drop_refused_rows(const RunResult& run, Staged& staged) {
    const auto candidates = std::exchange(staged.rows, {});
    auto transaction = session_.begin();
    probe_rows(transaction, run, candidates, staged);
    // rolled back: this was only a trial
}

void SnapshotStore::probe_rows(Transaction& transaction, const RunResult& run, const Indices& rows, Staged& staged) {
    if (rows.empty()) return;
    transaction.exec_text("SAVEPOINT probe");
    std::string why;
    try {
        copy_rows(transaction, {{.run = &run, .rows = &rows}});
        transaction.exec("upsert_snapshots");
    } catch (const postgres::SqlError& error) {
        if (!error.is_refusal()) throw;
        why = describe_line(error);
    }
    transaction.exec_text("ROLLBACK TO SAVEPOINT probe");
    transaction.exec_text("RELEASE SAVEPOINT probe");
    if (why.empty()) {
        staged.rows.insert(staged.rows.end(), rows.begin(), rows.end());
        return;
    }
    if (rows.size() == 1) {
        staged.refused.push_back(name_row(run.samples[rows.front()], why));
        return;
    }
    const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
    probe_rows(transaction, run, {rows.begin(), middle}, staged);
    probe_rows(transaction, run, {middle, rows.end()}, staged);
}

}  // namespace tally::store
