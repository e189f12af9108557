// SPDX-License-Identifier: Apache-2.0
// Cleans foreign text: first the characters, then the secrets, then the length.
#include "daemon/platform/redact.hpp"

#include "common/ascii.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace tally::platform {

namespace {

using ascii::is_digit;
using ascii::is_lower;
using ascii::is_upper;
using ascii::to_lower;

constexpr std::string_view kMask = "***";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::size_t kLooksAtMost = 4096;                 // far more than is kept

/// Length of the valid UTF-8 sequence at the front and its code point; length 0 when there is none.
std::pair<std::size_t, std::uint32_t> decode(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto lead = byte(0);
    if (lead < 0x80) return {1, lead};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {0, 0};
    std::uint32_t point = lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return {0, 0};
        point = (point << 6U) | (byte(i) & 0x3FU);
    }
    constexpr std::array<std::uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < kSmallest[length] || surrogate || point > 0x10FFFF) return {0, 0};
    return {length, point};
}

/// Controls, and the marks that turn the direction of a line around or break it.
bool is_control(std::uint32_t point) {
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069) || point == 0x200E || point == 0x200F || point == 0xFEFF;
}

std::string clean(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const auto [length, point] = decode(text);
        if (length == 0) {
            result += kReplacement;
        } else if (point == '\n' || point == '\r' || point == '\t') {
            if (!result.empty() && result.back() != ' ') result += ' ';
        } else if (!is_control(point)) {
            result += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return result;
}

bool in_word(char c) {
    return is_digit(c) || is_upper(c) || is_lower(c) || c == '_' || c == '-' || c == '.' || c == '~' || c == '+' ||
           c == '%' || c == '|';
}

/// Long and mixed, as no name of a metric, host or version is; account numbers and request ids stay readable.
bool looks_like_token(std::string_view word) {
    const bool digit = std::any_of(word.begin(), word.end(), is_digit);
    const bool upper = std::any_of(word.begin(), word.end(), is_upper);
    const bool lower = std::any_of(word.begin(), word.end(), is_lower);
    if (word.size() >= 20 && digit && upper && lower) return true;
    const bool hex = std::all_of(word.begin(), word.end(),
                                 [](char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); });
    return word.size() >= 32 && hex && digit && (upper || lower);
}

bool names_a_secret(std::string_view name, char separator) {
    const auto lower = ascii::lower(name);
    const auto has = [&](std::string_view part) { return lower.find(part) != std::string::npos; };
    if (separator == ':') return has("_token") || has("_secret");  // "invalid token: expired" is no secret
    return has("token") || has("secret") || has("proof") || has("password") || has("signature") || lower == "code";
}

std::size_t word_end(std::string_view text, std::size_t at) {
    while (at < text.size() && in_word(text[at])) ++at;
    return at;
}

std::string mask(std::string_view text) {
    std::string result;
    bool bearer = false;
    for (std::size_t at = 0; at < text.size();) {
        if (!in_word(text[at])) {
            bearer = bearer && text[at] == ' ';
            result += text[at++];
            continue;
        }
        auto end = word_end(text, at);
        const auto word = text.substr(at, end - at);
        const bool after_bearer = bearer && word.size() >= 8 && std::any_of(word.begin(), word.end(), is_digit);
        bearer = word.size() == 6 && to_lower(word[0]) == 'b' && (word.ends_with("earer") || word.ends_with("EARER"));
        result += looks_like_token(word) || after_bearer ? kMask : word;
        // name=value, name: value, "name":"value"
        auto value = end;
        while (value < text.size() && (text[value] == '"' || text[value] == '\'')) ++value;
        if (value < text.size() && (text[value] == '=' || text[value] == ':') && names_a_secret(word, text[value])) {
            ++value;
            while (value < text.size() && (text[value] == '"' || text[value] == '\'' || text[value] == ' ')) ++value;
            result += text.substr(end, value - end);
            end = std::min(text.find_first_of("&\"' ;,)}", value), text.size());
            if (end > value) result += kMask;
        }
        at = end;
    }
    return result;
}

}  // namespace

std::string redact(std::string_view text, std::size_t limit) {
    auto result = mask(clean(text.substr(0, kLooksAtMost)));
    while (!result.empty() && result.back() == ' ') result.pop_back();
    if (result.size() <= limit) return result;
    constexpr std::string_view kMore = "…";
    std::size_t cut = limit > kMore.size() ? limit - kMore.size() : 0;
    while (cut > 0 && (static_cast<unsigned char>(result[cut]) & 0xC0U) == 0x80U) --cut;
    result.resize(cut);
    return limit > kMore.size() ? result.append(kMore) : result;
}

}  // namespace tally::platform
