// SPDX-License-Identifier: Apache-2.0
// DutyRepository over sql/queries/duty.sql.
#include "daemon/duty/duty_repository.hpp"

#include <algorithm>
#include <cstdlib>

#include "daemon/duty/duty.hpp"

namespace tally::duty {

namespace {

constexpr const char* kAlert = "duty_failed";
constexpr std::size_t kMaxText = 2'000;

DutyState read_state(const postgres::Row& row) {
    DutyState state{.name = row.text("name"),
                    .due_at = row.instant("due_at"),
                    .attempt = static_cast<unsigned>(row.integer("attempt")),
                    .node = row.optional_text("node").value_or(""),
                    .running_since = row.optional_instant("running_since"),
                    .last_start = row.optional_instant("last_start"),
                    .last_end = row.optional_instant("last_end"),
                    .took_seconds = std::nullopt,
                    .last_error = row.text("last_error"),
                    .last_result = row.text("last_result")};
    if (const auto took = row.optional_text("took_seconds")) state.took_seconds = std::strtod(took->c_str(), nullptr);
    return state;
}

}  // namespace

void DutyRepository::plan(Instant at) {
    auto transaction = session_.begin();
    for (const auto& duty : duties()) {
        const auto next = next_time(duty, at);
        transaction.exec("plan_duty", {duty.name, duty.at_once ? at : next, next});
    }
    transaction.commit();
}

std::optional<Claim> DutyRepository::claim(const std::string& node, std::optional<Instant> now) {
    auto transaction = session_.begin();
    const auto claimed = transaction.exec("claim_duty", {now, node, duty_names()});
    transaction.commit();
    if (claimed.empty()) return std::nullopt;
    const auto row = claimed[0];
    return Claim{.name = row.text("name"),
                 .token = row.integer("lease_token"),
                 .attempt = static_cast<unsigned>(row.integer("attempt")),
                 .at = row.instant("at")};
}

bool DutyRepository::finish(const Claim& claim, Instant next, const std::string& result) {
    auto transaction = session_.begin();
    const bool held =
        transaction.exec("finish_duty", {claim.name, claim.token, next, postgres::make_storable(result, kMaxText)})
            .affected() > 0;
    if (held) transaction.exec("resolve_alert", {kAlert, claim.name});
    transaction.commit();
    return held;
}

bool DutyRepository::fail(const Claim& claim, Instant again, const std::string& error) {
    const auto text = postgres::make_storable(error, kMaxText);
    auto transaction = session_.begin();
    const bool held = transaction.exec("fail_duty", {claim.name, claim.token, again, text}).affected() > 0;
    if (held) transaction.exec("raise_alert", {kAlert, claim.name, text});
    transaction.commit();
    return held;
}

void DutyRepository::release(const Claim& claim) {
    auto transaction = session_.begin();
    transaction.exec("release_duty", {claim.name, claim.token});
    transaction.commit();
}

std::optional<Instant> DutyRepository::request(const std::string& name) {
    auto transaction = session_.begin();
    const auto requested = transaction.exec("request_duty", {name});
    transaction.commit();
    return requested.empty() ? std::nullopt : std::optional{requested[0].instant("requested_at")};
}

std::vector<DutyState> DutyRepository::list() {
    std::vector<DutyState> states;
    auto transaction = session_.begin_read_only();
    for (const auto& row : transaction.exec("list_duties", {duty_names()})) states.push_back(read_state(row));
    std::sort(states.begin(), states.end(), [](const DutyState& a, const DutyState& b) { return a.name < b.name; });
    return states;
}

}  // namespace tally::duty
