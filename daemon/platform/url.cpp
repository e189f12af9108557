// SPDX-License-Identifier: Apache-2.0
// Strict reading of absolute URLs and percent-encoding.
#include "daemon/platform/url.hpp"

#include "daemon/platform/ascii.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tally::platform {

namespace {

using ascii::is_alnum;
using ascii::is_digit;
using ascii::lower;

bool is_name(std::string_view host) {
    return !host.empty() &&
           std::all_of(host.begin(), host.end(), [](char c) { return is_alnum(c) || c == '.' || c == '-'; });
}

bool is_bracketed(std::string_view host) {
    return host.size() > 3 && host.front() == '[' && host.back() == ']' &&
           std::all_of(host.begin() + 1, host.end() - 1, [](char c) { return is_alnum(c) || c == ':' || c == '.'; });
}

}  // namespace

bool Url::is_loopback() const noexcept {
    if (host == "localhost" || host == "[::1]") return true;
    // A name such as 127.evil.example is no address.
    return host.starts_with("127.") &&
           std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; }) &&
           std::count(host.begin(), host.end(), '.') == 3;
}

std::optional<Url> parse_url(std::string_view text) {
    Url url;
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    url.scheme = lower(text.substr(0, colon));
    if (url.scheme != "http" && url.scheme != "https") return std::nullopt;
    text.remove_prefix(colon + 3);

    for (const char c : text) {
        if (c <= ' ' || c > '~' || c == '#' || c == '\\' || c == '"' || c == '<' || c == '>') return std::nullopt;
    }
    const auto path = std::min(text.find_first_of("/?"), text.size());
    auto authority = text.substr(0, path);
    url.target = text.substr(path);

    const auto port = authority.rfind(':');
    if (port != std::string_view::npos && authority.find(']', port) == std::string_view::npos) {
        url.port = authority.substr(port + 1);
        authority = authority.substr(0, port);
        if (url.port.empty() || url.port.size() > 5 || !std::all_of(url.port.begin(), url.port.end(), is_digit))
            return std::nullopt;
    } else {
        url.port = url.scheme == "https" ? "443" : "80";
    }
    if (!is_name(authority) && !is_bracketed(authority)) return std::nullopt;
    url.host = lower(authority);
    return url;
}

std::string percent_encode(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~')
            result += c;
        else
            result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return result;
}

std::string without_tokens(std::string_view target) {
    const auto question = target.find('?');
    if (question == std::string_view::npos) return std::string{target};
    std::string result{target.substr(0, question)};
    auto query = target.substr(question + 1);
    char separator = '?';
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto parameter = query.substr(0, end);
        const auto name = lower(parameter.substr(0, std::min(parameter.find('='), parameter.size())));
        if (name != "access_token" && name != "appsecret_proof" && !parameter.empty()) {
            result += separator;
            result += parameter;
            separator = '&';
        }
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return result;
}

}  // namespace tally::platform
