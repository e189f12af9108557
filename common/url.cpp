// SPDX-License-Identifier: Apache-2.0
// Strict reading of absolute URLs and percent-encoding.
#include "common/url.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <span>

#include "common/ascii.hpp"

namespace tally {

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

bool is_loopback(std::string_view host) noexcept {
    if (host == "localhost") return true;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (host.size() >= text.size()) return false;
    std::copy(host.begin(), host.end(), text.begin());
    in_addr address{};
    if (::inet_pton(AF_INET, text.data(), &address) == 1) return (ntohl(address.s_addr) >> 24U) == IN_LOOPBACKNET;
    in6_addr address6{};
    return ::inet_pton(AF_INET6, text.data(), &address6) == 1 && IN6_IS_ADDR_LOOPBACK(&address6);
}

bool Url::is_loopback() const noexcept {
    return tally::is_loopback(host);
}

namespace {

struct Scheme {
    std::string_view name, port;
};

std::optional<Url> parse(std::string_view text, std::span<const Scheme> schemes) {
    Url url;
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    url.scheme = lower(text.substr(0, colon));
    const auto scheme =
        std::find_if(schemes.begin(), schemes.end(), [&](const Scheme& known) { return known.name == url.scheme; });
    if (scheme == schemes.end()) return std::nullopt;
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
        url.port = scheme->port;
    }
    if (!is_name(authority) && !is_bracketed(authority)) return std::nullopt;
    url.host = lower(authority);
    return url;
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
    static constexpr std::array kSchemes{Scheme{"https", "443"}, Scheme{"http", "80"}};
    return parse(text, kSchemes);
}

std::optional<Url> parse_mail_url(std::string_view text) {
    static constexpr std::array kSchemes{Scheme{"smtps", "465"}, Scheme{"smtp", "25"}};
    return parse(text, kSchemes);
}

bool is_mail_address(std::string_view text) noexcept {
    constexpr std::size_t kLongest = 254;
    const auto at = text.find('@');
    return text.size() <= kLongest && at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
           text.find('@', at + 1) == std::string_view::npos &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; }) &&
           text.find_first_of("<>,;:\\\"()[]") == std::string_view::npos;
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

}  // namespace tally
