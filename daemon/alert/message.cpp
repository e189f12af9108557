// SPDX-License-Identifier: Apache-2.0
// Messages as JSON, text and mail.
#include "daemon/alert/message.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sodium.h>

#include <array>
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

std::string base64(std::string_view text) {
    std::string coded(sodium_base64_encoded_len(text.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
    sodium_bin2base64(coded.data(), coded.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    coded.pop_back();  // its NUL
    return coded;
}

/// A header's text as encoded words (RFC 2047), short enough for a line with the header's name, split between UTF-8
/// characters.
std::string encoded_words(std::string_view text) {
    constexpr std::size_t kBytes = 39;
    std::string words;
    while (!text.empty()) {
        auto length = std::min(text.size(), kBytes);
        while (length > 0 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U)
            --length;
        words += fmt::format("{}=?UTF-8?B?{}?=", words.empty() ? "" : "\r\n ", base64(text.substr(0, length)));
        text.remove_prefix(length);
    }
    return words;
}

/// "Sun, 22 Nov 2026 03:00:00 +0000", whatever the locale says.
std::string mail_date(Instant at) {
    constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(at - day)};
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000", kDays[std::chrono::weekday{day}.c_encoding()],
                       static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                       static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count());
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

std::string mail(const Message& message, const std::string& from, const std::string& to, const std::string& id) {
    auto mail = fmt::format(
        "From: tally <{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}@{}>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\nAuto-Submitted: "
        "auto-generated\r\n\r\n",
        from, to, encoded_words(subject_of(message)), mail_date(message.at), id, from.substr(from.find('@') + 1));
    constexpr std::size_t kLine = 76;
    const auto body = base64(text_of(message));
    for (std::size_t at = 0; at < body.size(); at += kLine) mail += body.substr(at, kLine) + "\r\n";
    return mail;
}

}  // namespace tally::alert
