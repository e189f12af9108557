// SPDX-License-Identifier: Apache-2.0
// Letters and digits of ASCII, whatever the locale: names in protocols know no others.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace tally::ascii {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
constexpr bool is_upper(char c) noexcept {
    return c >= 'A' && c <= 'Z';
}
constexpr bool is_lower(char c) noexcept {
    return c >= 'a' && c <= 'z';
}
constexpr bool is_alnum(char c) noexcept {
    return is_digit(c) || is_upper(c) || is_lower(c);
}
constexpr bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}
constexpr char to_lower(char c) noexcept {
    return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}
inline std::string lower(std::string_view text) {
    std::string result{text};
    std::transform(result.begin(), result.end(), result.begin(), to_lower);
    return result;
}

}  // namespace tally::ascii
