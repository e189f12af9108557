// SPDX-License-Identifier: Apache-2.0
// Registry over sql/queries/registry.sql and triggers.sql.
#include "daemon/store/registry.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "daemon/lease/lease.hpp"

namespace tally::store {

namespace {

using postgres::Transaction;

static_assert(schedule::kNoSlot == postgres::kNever, "a slot that never comes is infinity in the database");

[[noreturn]] void throw_missing_user(const std::string& user_id) {
    throw Error(Fault::missing, fmt::format("there is no user '{}'", user_id),
                "See 'tallyctl user list', or add it with 'tallyctl user add'.");
}

[[noreturn]] void throw_missing(const ConnectionName& name) {
    throw Error(Fault::missing,
                fmt::format("there is no connection '{}' {} '{}'", name.user_id, name.platform, name.account_id),
                fmt::format("See 'tallyctl connection list --user {}'.", name.user_id));
}

std::string tier_of(Transaction& transaction, const std::string& user_id) {
    const auto users = transaction.exec("tier_of_user", {user_id});
    if (users.empty()) throw_missing_user(user_id);
    return users[0].text("tier");
}

/// Locks the slots of a user, one platform or one account of it, in the order in which everybody does; gives their ids.
std::vector<std::int64_t> lock(Transaction& transaction, const TriggerScope& scope) {
    std::vector<std::int64_t> ids;
    for (const auto& row : transaction.exec("lock_slots", {scope.user_id, scope.platform, scope.account_id}))
        ids.push_back(row.integer("connection_id"));
    return ids;
}

TriggerScope scope_of(const ConnectionName& name) {
    return {.user_id = name.user_id, .platform = name.platform, .account_id = name.account_id, .days = {}};
}

/// An empty address: nobody gets the user's reports, those under way included.
void put_recipient(Transaction& transaction, const std::string& user_id, const std::string& address) {
    if (!address.empty()) {
        transaction.exec("set_report_recipient", {user_id, address});
        return;
    }
    transaction.exec("drop_report_recipient", {user_id});
    transaction.exec("forget_waiting_reports", {user_id});
}

/// What is remembered of connections beside their own rows ends with them.
void forget(Transaction& transaction, const postgres::Result& removed) {
    std::vector<std::int64_t> ids;
    for (const auto& row : removed) ids.push_back(row.integer("connection_id"));
    if (ids.empty()) return;
    for (const auto& row : transaction.exec("forget_quarantine", {ids})) {
        const auto platform = row.text("platform"), request = row.text("request"), metric = row.text("metric");
        transaction.exec("resolve_refusal", {alert_subject(platform, request, metric), platform, request, metric});
    }
}

}  // namespace

std::string alert_subject(const ConnectionName& name) {
    return fmt::format("{} {} {}", name.user_id, name.platform, name.account_id);
}

std::string alert_subject(const std::string& platform, const std::string& request, const std::string& metric) {
    return fmt::format("{} {}", platform, metric.empty() ? request : metric);
}

bool Registry::put_user(const std::string& user_id, const UserChange& change) {
    auto transaction = session_.begin();
    const bool created = put_user(transaction, user_id, change);
    transaction.commit();
    return created;
}

bool Registry::put_user(Transaction& transaction, const std::string& user_id, const UserChange& change) {
    const auto& tier = change.tier;
    const auto before = transaction.exec("tier_of_user", {user_id});
    const auto result = transaction.exec("put_user", {user_id, tier, change.zone});
    if (result.empty()) throw Error(Fault::usage, fmt::format("the new user '{}' needs a tier", user_id));
    if (tier && !before.empty() && before[0].view("tier") != *tier)
        leave_slots(transaction, lock(transaction, {.user_id = user_id, .platform = {}, .account_id = {}, .days = {}}),
                    *tier, "the tier changed to " + *tier);
    if (change.report_to) put_recipient(transaction, user_id, *change.report_to);
    return result[0].boolean("created");
}

/// Slots that passed while a connection was not active, or before its tier changed, are written down as skipped, and
/// the next one of the tier is pursued. An active connection whose tier stays goes on with what it pursues. True when
/// slots had passed.
bool Registry::leave_slots(Transaction& transaction, const std::vector<std::int64_t>& ids, const std::string& tier,
                           const std::string& why_active) {
    if (ids.empty()) return false;
    const auto at = now();
    std::vector<std::int64_t> moved, skipped, counts, slacks;
    std::vector<Instant> next, first, last;
    std::vector<std::string> reasons;
    for (const auto& row : transaction.exec("pursued_slots", {ids})) {
        const auto id = row.integer("connection_id");
        const auto state = row.text("state"), why = row.text("state_reason");
        const bool active = state == "active";
        const auto pursued = row.instant("slot_at");
        if (why_active.empty() && (active || pursued > at)) continue;
        moved.push_back(id);
        next.push_back(plan_.next(tier, id));
        slacks.push_back(plan_.slack(tier).count());
        if (pursued > at) continue;
        const auto due = plan_.due(tier, id, pursued, at);
        skipped.push_back(id);
        first.push_back(pursued);
        last.push_back(due.served);
        counts.push_back(static_cast<std::int64_t>(due.merged) + 1);
        reasons.push_back(active ? why_active : why.empty() ? state : fmt::format("{}: {}", state, why));
    }
    if (!moved.empty()) transaction.exec("move_slots", {moved, next, slacks});
    if (!skipped.empty()) transaction.exec("record_skipped", {skipped, first, last, counts, reasons});
    return !skipped.empty();
}

bool Registry::user_exists(const std::string& user_id) {
    auto transaction = session_.begin_read_only();
    return !transaction.exec("user_exists", {user_id}).empty();
}

void Registry::remove_user(const std::string& user_id) {
    auto transaction = session_.begin();
    lock(transaction, {.user_id = user_id, .platform = {}, .account_id = {}, .days = {}});
    forget(transaction, transaction.exec("remove_user", {user_id, "tallyctl"}));
    transaction.exec("resolve_alerts_of", {std::optional<std::string>{}, user_id + " "});
    transaction.exec("forget_waiting_reports", {user_id});
    if (transaction.exec("delete_user", {user_id}).affected() == 0) throw_missing_user(user_id);
    transaction.commit();
}

Bytes Registry::user_key(Transaction& transaction, const std::string& user_id) {
    auto known = transaction.exec("user_key", {user_id});
    if (known.empty()) {
        transaction.exec("add_user_key", {user_id, vault_.make_user_key(user_id)});
        known = transaction.exec("user_key", {user_id});
    }
    return known[0].bytes("sealed_key");
}

bool Registry::put_connection(const NewConnection& connection) {
    auto transaction = session_.begin();
    const bool created = put_connection(transaction, connection);
    transaction.commit();
    return created;
}

bool Registry::put_connection(Transaction& transaction, const NewConnection& connection) {
    const auto& [user_id, platform, account_id] = connection.name;
    const auto tier = tier_of(transaction, user_id);
    const auto key = user_key(transaction, user_id);
    const auto sealed = vault_.seal(key, {user_id, platform, account_id}, connection.credential);
    leave_slots(transaction, lock(transaction, scope_of(connection.name)), tier, {});
    const auto row =
        transaction.exec("put_connection", {user_id, platform, account_id, nlohmann::json(connection.attributes).dump(),
                                            sealed, connection.expires_at})[0];
    if (row.view("state") == "active") {
        const auto id = row.integer("connection_id");
        transaction.exec("put_slot", {id, plan_.next(tier, id), plan_.slack(tier).count()});
    }
    transaction.exec("forget_refusals", {row.integer("connection_id")});
    for (const auto* kind : {"needs_authorization", "missing_scope", "token_expiring"})
        transaction.exec("resolve_alert", {kind, alert_subject(connection.name)});
    transaction.exec("add_consent", {user_id, platform, account_id, true, connection.source});
    return row.boolean("created");
}

void Registry::import_user(const ImportedUser& user) {
    auto transaction = session_.begin();
    put_user(transaction, user.user_id, user.change);
    for (const auto& connection : user.connections) put_connection(transaction, connection);
    transaction.commit();
}

void Registry::pause(const ConnectionName& name, const std::string& reason) {
    auto transaction = session_.begin();
    lock(transaction, scope_of(name));
    if (transaction.exec("pause_connection", {name.user_id, name.platform, name.account_id, reason}).affected() == 0)
        throw_missing(name);
    transaction.commit();
}

void Registry::resume(const ConnectionName& name) {
    auto transaction = session_.begin();
    const auto ids = lock(transaction, scope_of(name));
    if (ids.empty()) throw_missing(name);
    const bool passed = leave_slots(transaction, ids, tier_of(transaction, name.user_id), {});
    transaction.exec("resume_connection", {name.user_id, name.platform, name.account_id, passed});
    transaction.commit();
}

void Registry::remove_connection(const ConnectionName& name) {
    auto transaction = session_.begin();
    lock(transaction, scope_of(name));
    const auto removed = transaction.exec("remove_connection", {name.user_id, name.platform, name.account_id});
    if (removed.empty()) throw_missing(name);
    forget(transaction, removed);
    transaction.exec("resolve_alerts_of", {alert_subject(name), std::optional<std::string>{}});
    transaction.exec("add_consent", {name.user_id, name.platform, name.account_id, false, "tallyctl"});
    transaction.commit();
}

ConnectionSecrets Registry::load(const ConnectionName& name) {
    auto found = find(name);
    if (!found) throw_missing(name);
    return *std::move(found);
}

std::optional<ConnectionSecrets> Registry::find(const ConnectionName& name) {
    auto transaction = session_.begin_read_only();
    const auto found = transaction.exec("load_connection", {name.user_id, name.platform, name.account_id});
    if (found.empty()) return std::nullopt;
    const auto row = found[0];
    return ConnectionSecrets{
        .connection_id = row.integer("connection_id"),
        .tier = row.text("tier"),
        .zone = row.text("zone"),
        .attributes = nlohmann::json::parse(row.view("attributes")).get<std::map<std::string, std::string>>(),
        .sealed_credential = row.bytes("credential"),
        .sealed_user_key = row.bytes("sealed_key")};
}

Registry::Group Registry::trigger(const TriggerScope& scope) {
    auto transaction = session_.begin();
    Group group{.id = transaction.exec("new_run_group")[0].integer("run_group"), .connections = 0};
    const auto from = scope.days ? std::optional{scope.days->first} : std::nullopt;
    const auto to = scope.days ? std::optional{scope.days->last} : std::nullopt;
    group.connections = transaction
                            .exec("add_triggers", {group.id, scope.user_id, scope.platform, scope.account_id, from, to,
                                                   lease::kLongPast.count()})
                            .affected();
    transaction.exec("wake_nodes");
    transaction.commit();
    return group;
}

std::vector<Registry::Plannable> Registry::plannable(const TriggerScope& scope, int limit) {
    auto transaction = session_.begin_read_only();
    std::vector<Plannable> result;
    std::vector<std::int64_t> ids;
    for (const auto& row :
         transaction.exec("connections_to_plan", {scope.user_id, scope.platform, scope.account_id, limit})) {
        ids.push_back(row.integer("connection_id"));
        result.push_back(
            {.name = {row.text("user_id"), row.text("platform"), row.text("account_id")},
             .tier = row.text("tier"),
             .attributes = nlohmann::json::parse(row.view("attributes")).get<std::map<std::string, std::string>>(),
             .coverage = {}});
    }
    auto coverage = read_coverage(transaction.exec("coverage_of", {ids}));
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (const auto known = coverage.find(ids[i]); known != coverage.end())
            result[i].coverage = std::move(known->second);
    }
    return result;
}

}  // namespace tally::store
