// SPDX-License-Identifier: Apache-2.0
// Reads the two forms of Retry-After.
#include "daemon/platform/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace tally::platform {

using namespace std::chrono;

namespace {

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

}  // namespace

std::optional<Instant> parse_http_date(std::string_view text) {
    constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' || text[16] != ' ' ||
        text[19] != ':' || text[22] != ':' || text.substr(25) != " GMT")
        return std::nullopt;
    const auto month_name = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
    const auto d = number(text.substr(5, 2)), y = number(text.substr(12, 4));
    const auto h = number(text.substr(17, 2)), m = number(text.substr(20, 2)), s = number(text.substr(23, 2));
    if (month_name == kMonths.end() || !d || !y || !h || !m || !s || *h > 23 || *m > 59 || *s > 60) return std::nullopt;
    const year_month_day date{year{*y}, month{static_cast<unsigned>(month_name - kMonths.begin()) + 1},
                              day{static_cast<unsigned>(*d)}};
    if (!date.ok()) return std::nullopt;
    return Instant{sys_days{date}} + hours{*h} + minutes{*m} + seconds{*s};
}

std::optional<milliseconds> parse_retry_after(std::string_view text, Instant now) {
    constexpr milliseconds kMost = days{1};
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    if (!text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        const auto wait = number(text);
        return wait ? std::min<milliseconds>(seconds{*wait}, kMost) : kMost;
    }
    const auto at = parse_http_date(text);
    if (!at) return std::nullopt;
    return std::clamp<milliseconds>(ceil<milliseconds>(*at - now), milliseconds{0}, kMost);
}

}  // namespace tally::platform
