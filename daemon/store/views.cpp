// SPDX-License-Identifier: Apache-2.0
// Rows become JSON.
#include "daemon/store/views.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/or_null.hpp"
#include "daemon/schedule/lateness.hpp"

namespace tally::store {

namespace {

using nlohmann::json;
using postgres::Row;

constexpr int kAttentionLimit = 200;
constexpr int kMostAlerts = 1000;
constexpr int kMostBackfills = 20;
constexpr int kTopSpenders = 5;
constexpr int kMostDueOfLane = 10'000;  // more are not counted: a page of status stays quick when all is late

json job_json(const Row& row, const char* state_column = "state") {
    return {{"id", row.integer("run_id")},
            {"slot_at", or_null(row.optional_instant("slot_at"))},
            {"started_at", or_null(row.optional_instant("started_at"))},
            {"finished_at", or_null(row.optional_instant("finished_at"))},
            {"user_id", row.text("user_id")},
            {"platform", row.text("platform")},
            {"account_id", row.text("account_id")},
            {"trigger", row.text("trigger")},
            {"state", row.text(state_column)},
            {"requests", row.integer("requests")},
            {"rows_written", row.integer("rows_written")},
            {"rows_changed", row.integer("rows_changed")},
            {"error", row.text("error")}};
}

json connection_json(const Row& row) {
    return {{"connection_id", row.integer("connection_id")},
            {"user_id", row.text("user_id")},
            {"platform", row.text("platform")},
            {"account_id", row.text("account_id")},
            {"state", row.text("state")},
            {"state_reason", row.text("state_reason")},
            {"state_since", or_null(row.optional_instant("state_since"))},
            {"attributes", json::parse(row.view("attributes"))},
            {"expires_at", or_null(row.optional_instant("expires_at"))},
            {"created_at", or_null(row.optional_instant("created_at"))},
            {"next_due_at", or_null(row.optional_instant("next_due_at"))},
            {"last_run", row.is_null("run_id") ? json(nullptr) : job_json(row, "run_state")}};
}

json attention(postgres::Transaction& transaction) {
    json list = json::array();
    for (const auto& row : transaction.exec("failing_platforms"))
        list.push_back({{"kind", "platform_failing"},
                        {"subject", row.text("platform")},
                        {"message", "every recent run failed: " + row.text("error")},
                        {"since", or_null(row.optional_instant("since"))}});
    for (const auto& row : transaction.exec("connections_needing_a_person", {kAttentionLimit})) {
        const auto state = row.text("state");
        const auto reason = row.text("state_reason");
        list.push_back(
            {{"kind", state},
             {"subject", fmt::format("{} {} {}", row.text("user_id"), row.text("platform"), row.text("account_id"))},
             {"message", reason.empty() ? state : reason},
             {"since", or_null(row.optional_instant("state_since"))}});
    }
    for (const auto& row : transaction.exec("alerts_for_attention", {kAttentionLimit}))
        list.push_back({{"kind", row.text("kind")},
                        {"subject", row.text("subject")},
                        {"message", row.text("message")},
                        {"since", or_null(row.optional_instant("raised_at"))},
                        {"alert", row.integer("alert_id")}});
    return list;
}

json quarantine_list(postgres::Transaction& transaction, const std::optional<std::string>& platform) {
    json list = json::array();
    for (const auto& row : transaction.exec("list_quarantine", {platform}))
        list.push_back({{"platform", row.text("platform")},
                        {"request", row.text("request")},
                        {"metric", or_null(row.text("metric"))},
                        {"everywhere", row.boolean("everywhere")},
                        {"connections", row.integer("connections")},
                        {"since", or_null(row.optional_instant("since"))},
                        {"probe_at", or_null(row.optional_instant("probe_at"))},
                        {"code", row.text("code")},
                        {"message", row.text("message")}});
    return list;
}

/// Connections that have not begun are taken to need as much as the others; the pace is the one since the beginning.
void add_requests(json& group, const Row& row) {
    const auto made = row.integer("requests_made"), not_begun = row.integer("not_begun");
    const auto begun = row.integer("total") - not_begun;
    auto left = row.integer("requests_left");
    group["requested_at"] = or_null(row.optional_instant("requested_at"));
    group["requests_made"] = made;
    group["requests_left"] = group["estimated_seconds"] = nullptr;
    if (begun == 0) return;
    left += (made + left) * not_begun / begun;
    group["requests_left"] = left;
    if (made > 0) group["estimated_seconds"] = left * row.integer("elapsed_seconds") / made;
}

json group_json(postgres::Transaction& transaction, std::int64_t id) {
    const auto row = transaction.exec("group_progress", {id})[0];
    if (row.integer("total") == 0) return nullptr;
    json result{{"run_group", id}};
    for (const auto* name :
         {"total", "waiting", "running", "succeeded", "partial", "failed", "rows_written", "rows_changed"})
        result[name] = row.integer(name);
    add_requests(result, row);
    return result;
}

json backfills(postgres::Transaction& transaction) {
    json list = json::array();
    for (const auto& row : transaction.exec("running_backfills", {kMostBackfills})) {
        const auto id = row.integer("run_group");
        auto group = group_json(transaction, id);
        const auto days = transaction.exec("group_days", {id})[0];
        group["from"] = render_day(days.day("first"));
        group["to"] = render_day(days.day("last"));
        list.push_back(std::move(group));
    }
    return list;
}

json platforms(postgres::Transaction& transaction) {
    json by_name = json::object();
    for (const auto& row : transaction.exec("platform_connections"))
        by_name[row.text("platform")] = {{"connections", row.integer("connections")},
                                         {"active", row.integer("active")},
                                         {"needs_attention", row.integer("needs_attention")},
                                         {"last_success_at", nullptr},
                                         {"failed_24h", 0}};
    for (const auto& row : transaction.exec("runs_by_platform")) {
        // Of a platform whose last connection has gone there are runs all the same.
        auto& entry =
            by_name.emplace(row.text("platform"), json{{"connections", 0}, {"active", 0}, {"needs_attention", 0}})
                .first.value();
        entry["last_success_at"] = or_null(row.optional_instant("last_success_at"));
        entry["failed_24h"] = row.integer("failed");
    }
    return by_name;
}

}  // namespace

json Views::status() {
    auto transaction = session_.begin_read_only();
    json result;
    const auto schema = transaction.exec("schema_state")[0];
    result["database"] = {{"schema_version", schema.integer("version")},
                          {"size_bytes", schema.integer("size_bytes")},
                          {"server_version", schema.text("server_version")}};
    result["nodes"] = json::array();
    for (const auto& row : transaction.exec("node_states"))
        result["nodes"].push_back({{"node", row.text("node_id")},
                                   {"host", row.text("host")},
                                   {"pid", row.integer("pid")},
                                   {"version", row.text("version")},
                                   {"started_at", or_null(row.optional_instant("started_at"))},
                                   {"alive", row.boolean("alive")},
                                   {"leases", row.integer("leases")}});
    result["tiers"] = json::object();
    for (const auto& row : transaction.exec("users_by_tier"))
        result["tiers"][row.text("tier")] = {{"users", row.integer("users")}};
    for (const auto& row : transaction.exec("lateness_by_tier")) {
        auto& tier = result["tiers"][row.text("tier")];
        if (!tier.contains("lateness")) tier["lateness"] = schedule::LatenessCounts{};
        const auto bucket = static_cast<std::size_t>(row.integer("bucket"));
        if (bucket < schedule::kLatenessBuckets) tier["lateness"][bucket] = row.integer("slots");
    }
    result["platforms"] = platforms(transaction);
    const auto backlog = transaction.exec("backlog", {kMostDueOfLane})[0];
    const auto oldest = backlog.optional_instant("oldest_due_at");
    result["backlog"] = {
        {"due", backlog.integer("due")},
        {"due_at_least", backlog.boolean("due_at_least")},
        {"waiting_manual", backlog.integer("waiting_manual")},
        {"oldest_due_at", or_null(backlog.optional_instant("oldest_due_at"))},
        {"late_seconds", oldest ? std::chrono::floor<std::chrono::seconds>(now() - *oldest).count() : 0}};
    const auto runs = transaction.exec("runs_last_day")[0];
    result["runs"] = {{"last_24h",
                       {{"succeeded", runs.integer("succeeded")},
                        {"partial", runs.integer("partial")},
                        {"failed", runs.integer("failed")}}},
                      {"rows_written_24h", runs.integer("rows_written")},
                      {"rows_changed_24h", runs.integer("rows_changed")},
                      {"last_finished_at", or_null(runs.optional_instant("last_finished_at"))}};
    result["attention"] = attention(transaction);
    result["open_alerts"] = json::object();
    for (const auto& row : transaction.exec("open_alerts_by_kind"))
        result["open_alerts"][row.text("kind")] = row.integer("alerts");
    result["quarantine"] = quarantine_list(transaction, std::nullopt);
    result["backfills"] = backfills(transaction);
    return result;
}

json Views::users(const ListFilter& filter) {
    auto transaction = session_.begin_read_only();
    json list = json::array();
    for (const auto& row : transaction.exec("list_users", {filter.tier, filter.after, filter.limit, filter.user_id}))
        list.push_back({{"id", row.text("user_id")},
                        {"tier", row.text("tier")},
                        {"zone", row.text("zone")},
                        {"report_to", or_null(row.optional_text("report_to"))},
                        {"state", "active"},
                        {"created_at", or_null(row.optional_instant("created_at"))},
                        {"connections", row.integer("connections")}});
    const bool more = list.size() == static_cast<std::size_t>(filter.limit);
    json next = more ? list.back()["id"] : json(nullptr);
    return {{"users", std::move(list)}, {"next", std::move(next)}};
}

json Views::connections(const ListFilter& filter) {
    auto transaction = session_.begin_read_only();
    json list = json::array();
    for (const auto& row : transaction.exec("list_connections", {filter.user_id, filter.platform, filter.account_id,
                                                                 filter.state, filter.after, filter.limit}))
        list.push_back(connection_json(row));
    const bool more = list.size() == static_cast<std::size_t>(filter.limit);
    json next = more ? json(std::to_string(list.back()["connection_id"].get<std::int64_t>())) : json(nullptr);
    return {{"connections", std::move(list)}, {"next", std::move(next)}};
}

json Views::jobs(const ListFilter& filter) {
    auto transaction = session_.begin_read_only();
    json list = json::array();
    const auto rows =
        transaction.exec("list_runs", {filter.user_id, filter.platform, filter.state, filter.limit, filter.after});
    for (const auto& row : rows) list.push_back(job_json(row));
    json next;
    if (rows.size() == static_cast<std::size_t>(filter.limit))
        next = std::to_string(rows[rows.size() - 1].integer("run_id"));
    return {{"jobs", std::move(list)}, {"next", std::move(next)}};
}

std::optional<json> Views::job(std::int64_t id) {
    auto transaction = session_.begin_read_only();
    const auto found = transaction.exec("show_run", {id});
    if (found.empty()) return std::nullopt;
    auto result = job_json(found[0]);
    result["node"] = found[0].text("node");
    result["attempt"] = found[0].integer("attempt");
    result["error_class"] = found[0].text("error_class");
    return result;
}

std::optional<json> Views::group(std::int64_t id) {
    auto transaction = session_.begin_read_only();
    auto result = group_json(transaction, id);
    if (result.is_null()) return std::nullopt;
    result["failures"] = json::array();
    for (const auto& failure : transaction.exec("group_failures", {id}))
        result["failures"].push_back({{"user_id", failure.text("user_id")},
                                      {"platform", failure.text("platform")},
                                      {"account_id", failure.text("account_id")},
                                      {"run_id", failure.integer("run_id")},
                                      {"error_class", or_null(failure.optional_text("error_class"))},
                                      {"error", failure.text("error")}});
    return result;
}

json Views::quarantine(const std::optional<std::string>& platform) {
    auto transaction = session_.begin_read_only();
    return {{"quarantine", quarantine_list(transaction, platform)}};
}

std::vector<BudgetRow> Views::budgets(const std::optional<std::string>& platform,
                                      const std::optional<std::string>& scope) {
    auto transaction = session_.begin_read_only();
    std::vector<BudgetRow> rows;
    for (const auto& row : transaction.exec("list_budgets", {platform, scope}))
        rows.push_back({.platform = row.text("platform"),
                        .scope = row.text("scope"),
                        .key = row.text("key"),
                        .limit = row.text("name"),
                        .window_start = row.optional_instant("window_start"),
                        .window_end = row.optional_instant("window_end"),
                        .allowed = row.optional_integer("allowed").value_or(0),
                        .granted = row.integer("granted"),
                        .used = row.integer("used"),
                        .blocked_until = row.optional_instant("blocked_until"),
                        .reason = row.text("reason")});
    return rows;
}

json Views::spenders(const std::string& platform, Instant since) {
    auto transaction = session_.begin_read_only();
    json list = json::array();
    for (const auto& row : transaction.exec("spenders", {platform, since, kTopSpenders}))
        list.push_back({{"user_id", row.text("user_id")}, {"requests", row.integer("requests")}});
    return list;
}

std::vector<ConnectionCount> Views::connection_counts() {
    auto transaction = session_.begin_read_only();
    std::vector<ConnectionCount> counts;
    for (const auto& row : transaction.exec("connections_by_tier"))
        counts.push_back({row.text("platform"), row.text("app"), row.text("tier"), row.integer("connections")});
    return counts;
}

json Views::alerts(bool resolved_too) {
    auto transaction = session_.begin_read_only();
    json list = json::array();
    for (const auto& row : transaction.exec("list_alerts", {resolved_too, kMostAlerts}))
        list.push_back({{"id", row.integer("alert_id")},
                        {"kind", row.text("kind")},
                        {"subject", row.text("subject")},
                        {"message", row.text("message")},
                        {"raised_at", or_null(row.optional_instant("raised_at"))},
                        {"last_seen_at", or_null(row.optional_instant("last_seen_at"))},
                        {"seen", row.integer("seen")},
                        {"acked_at", or_null(row.optional_instant("acked_at"))},
                        {"resolved_at", or_null(row.optional_instant("resolved_at"))}});
    return {{"alerts", std::move(list)}};
}

}  // namespace tally::store
