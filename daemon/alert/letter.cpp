// SPDX-License-Identifier: Apache-2.0
#include "daemon/alert/letter.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace tally::alert {

namespace {

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

std::string part(std::string_view type, std::string_view disposition, std::string_view content) {
    constexpr std::size_t kLine = 76;
    auto text = fmt::format("Content-Type: {}\r\nContent-Transfer-Encoding: base64\r\n{}\r\n", type, disposition);
    const auto body = base64(content);
    for (std::size_t at = 0; at < body.size(); at += kLine) {
        text += std::string_view{body}.substr(at, kLine);
        text += "\r\n";
    }
    return text;
}

/// Parts between lines that base64 cannot hold.
std::string multipart(const std::string& boundary, const std::vector<std::string>& parts) {
    auto text = fmt::format("Content-Type: multipart/mixed; boundary=\"{}\"\r\n\r\n", boundary);
    for (const auto& each : parts) text += fmt::format("--{}\r\n{}", boundary, each);
    return text + fmt::format("--{}--\r\n", boundary);
}

std::string body_of(const Letter& letter, const std::string& id) {
    auto body = part("text/plain; charset=utf-8", "", letter.text);
    if (letter.attachments.empty()) return body;
    std::vector<std::string> parts{std::move(body)};
    for (const auto& file : letter.attachments)
        parts.push_back(part(file.type, fmt::format("Content-Disposition: attachment; filename=\"{}\"\r\n", file.name),
                             file.content));
    return multipart("=_parts_" + id, parts);
}

}  // namespace

std::string render_letter(const Letter& letter, const std::string& from, const std::string& to, const std::string& id) {
    return fmt::format(
               "From: tally <{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}@{}>\r\nMIME-Version: 1.0\r\n"
               "Auto-Submitted: auto-generated\r\n",
               from, to, encoded_words(letter.subject), mail_date(letter.at), id, from.substr(from.find('@') + 1)) +
           body_of(letter, id);
}

}  // namespace tally::alert
