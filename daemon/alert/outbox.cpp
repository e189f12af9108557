// SPDX-License-Identifier: Apache-2.0
// sql/queries/alert.sql
#include "daemon/alert/outbox.hpp"

#include <fmt/format.h>

namespace tally::alert {

namespace {

constexpr std::int64_t kMostAlerts = 10'000;  // looked at in one go: more of them wait for the next minute
constexpr std::size_t kMostError = 2'000;
constexpr const char* kUndelivered = "undelivered";

}  // namespace

std::vector<Alert> alerts_to_tell(postgres::Transaction& transaction) {
    std::vector<Alert> alerts;
    for (const auto& row : transaction.exec("alerts_to_tell", {kMostAlerts})) {
        alerts.push_back({.id = row.integer("alert_id"),
                          .kind = row.text("kind"),
                          .subject = row.text("subject"),
                          .message = row.text("message"),
                          .raised_at = row.instant("raised_at"),
                          .told_at = row.optional_instant("told_at"),
                          .resolved_at = row.optional_instant("resolved_at"),
                          .acked = row.boolean("acked")});
    }
    return alerts;
}

void tell(postgres::Transaction& transaction, const std::vector<Notice>& notices,
          const std::vector<std::string>& channels, const std::string& sender, Instant at) {
    for (const auto& notice : notices) {
        transaction.exec("put_message", {channels, to_json({.notice = notice, .sender = sender, .at = at})});
        if (notice.alerts.empty()) continue;
        transaction.exec(notice.reason == Reason::over ? "mark_over_told" : "mark_told", {notice.alerts});
    }
}

std::vector<Delivery> Outbox::claim(What what, unsigned limit, std::chrono::seconds hold) {
    auto transaction = session_.begin();
    std::vector<Delivery> deliveries;
    const auto rows =
        transaction.commit({{.statement = "claim_messages", .params = {limit, hold.count(), what == What::reports}}})
            .front();
    for (const auto& row : rows) {
        Delivery delivery{.id = row.integer("message_id"),
                          .channel = row.text("channel"),
                          .message = {},
                          .report = {},
                          .attempt = static_cast<unsigned>(row.integer("attempt")),
                          .token = row.integer("token")};
        if (const auto week = row.optional_day("report_week"))
            delivery.report = ReportName{.user_id = row.text("report_user"), .monday = *week};
        else
            delivery.message = message_from_json(row.view("message"));
        deliveries.push_back(std::move(delivery));
    }
    return deliveries;
}

void Outbox::sent(const Delivery& delivery) {
    auto transaction = session_.begin();
    if (delivery.report) transaction.exec("report_mailed", {delivery.report->user_id, delivery.report->monday, ""});
    transaction.commit({{.statement = "message_sent", .params = {delivery.id, delivery.token}},
                        {.statement = "resolve_alert", .params = {kUndelivered, delivery.channel}}});
}

void Outbox::drop(const Delivery& delivery) {
    auto transaction = session_.begin();
    transaction.commit({{.statement = "drop_message", .params = {delivery.id, delivery.token}}});
}

void Outbox::failed(const Delivery& delivery, const std::string& error,
                    std::optional<std::chrono::milliseconds> again) {
    const auto text = postgres::make_storable(error, kMostError);
    const auto seconds = again ? std::optional{std::chrono::duration<double>{*again}.count()} : std::nullopt;
    auto transaction = session_.begin();
    // Somebody may have taken it out of the outbox meanwhile: nobody waits for it any more.
    if (transaction.exec("message_failed", {delivery.id, delivery.token, text, seconds}).affected() == 0) return;
    if (delivery.report) transaction.exec("report_mailed", {delivery.report->user_id, delivery.report->monday, text});
    // One alert for the mails of all users: what keeps one back mostly keeps all back.
    if (!again)
        transaction.exec("raise_alert",
                         {kUndelivered, delivery.channel,
                          delivery.report ? fmt::format("user '{}': {}", delivery.report->user_id, text) : text});
    transaction.commit();
}

}  // namespace tally::alert
