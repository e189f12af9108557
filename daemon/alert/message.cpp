// SPDX-License-Identifier: Apache-2.0
// Messages as JSON, text and mail.
#include "daemon/alert/message.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"

namespace tally::alert {

namespace {

using nlohmann::json;

/// Slack takes & < > for itself.
std::string escape_slack(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '&')
            escaped += "&amp;";
        else if (c == '<')
            escaped += "&lt;";
        else if (c == '>')
            escaped += "&gt;";
        else
            escaped += c;
    }
    return escaped;
}

}  // namespace

std::string to_json(const Message& message) {
    const auto& notice = message.notice;
    return json{{"reason", to_text(notice.reason)},
                {"kind", notice.kind},
                {"urgent", notice.urgent},
                {"title", notice.title},
                {"lines", notice.lines},
                {"count", notice.count},
                {"sender", message.sender},
                {"at", render_instant(message.at)}}
        .dump(-1, ' ', false, json::error_handler_t::replace);
}

Message message_from_json(std::string_view text) {
    try {
        const auto data = json::parse(text);
        Message message;
        for (const auto reason : {Reason::raised, Reason::reminded, Reason::over, Reason::test})
            if (to_text(reason) == data.at("reason").get<std::string>()) message.notice.reason = reason;
        data.at("kind").get_to(message.notice.kind);
        data.at("urgent").get_to(message.notice.urgent);
        data.at("title").get_to(message.notice.title);
        data.at("lines").get_to(message.notice.lines);
        data.at("count").get_to(message.notice.count);
        data.at("sender").get_to(message.sender);
        message.at = parse_instant(data.at("at").get<std::string>()).value();
        return message;
    } catch (const std::exception& error) {
        throw Error(Fault::internal, fmt::format("a message in the outbox cannot be read: {}", error.what()));
    }
}

std::string subject_of(const Message& message) {
    return fmt::format("[tally {}] {}", message.sender, message.notice.title);
}

std::string text_of(const Message& message) {
    const auto& notice = message.notice;
    std::string text;
    for (const auto& line : notice.lines) text += line + "\n";
    if (notice.count > notice.lines.size()) text += fmt::format("and {} more\n", notice.count - notice.lines.size());
    if (notice.reason == Reason::raised || notice.reason == Reason::reminded)
        text += "\nSee 'tallyctl status' and 'tallyctl alert list'; 'tallyctl alert ack ID' ends reminders.\n";
    return text;
}

std::string webhook_body(const Message& message, config::WebhookFormat format) {
    const auto& notice = message.notice;
    json body;
    if (format == config::WebhookFormat::slack) {
        const auto* mark = notice.reason == Reason::over   ? ":white_check_mark:"
                           : notice.urgent                 ? ":rotating_light:"
                           : notice.reason == Reason::test ? ":wave:"
                                                           : ":warning:";
        body = {{"text",
                 fmt::format("{} *{}*\n{}", mark, escape_slack(subject_of(message)), escape_slack(text_of(message)))}};
    } else {
        body = {{"kind", notice.kind},
                {"reason", to_text(notice.reason)},
                {"severity", notice.urgent ? "critical" : "warning"},
                {"title", notice.title},
                {"lines", notice.lines},
                {"count", notice.count},
                {"node", message.sender},
                {"at", render_instant(message.at)}};
    }
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

Letter letter_of(const Message& message) {
    return {.subject = subject_of(message), .text = text_of(message), .attachments = {}, .at = message.at};
}

}  // namespace tally::alert
