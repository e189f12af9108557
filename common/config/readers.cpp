// SPDX-License-Identifier: Apache-2.0
// Checks texts that have rules of their own.
#include "common/config/readers.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "common/config/cron.hpp"
#include "common/error.hpp"
#include "common/time_zone.hpp"
#include "common/url.hpp"

namespace tally::config {

namespace {

struct HostPort {
    std::string host;  // without brackets
    std::optional<std::uint16_t> port;
};

bool is_name(std::string_view host) {
    return !host.empty() && host.size() <= 253 && host.front() != '.' && host.front() != '-' &&
           host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
               std::string_view::npos;
}

bool is_ipv6(const std::string& host) {
    in6_addr address{};
    return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

/// "host", "host:port", "[::1]:port"; nullopt for anything else.
std::optional<HostPort> parse_host_port(std::string_view text) {
    HostPort result;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        result.host = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        if (!is_ipv6(result.host)) return std::nullopt;
    } else {
        const auto end = std::min(text.find(':'), text.size());
        result.host = text.substr(0, end);
        text.remove_prefix(end);
        if (!is_name(result.host)) return std::nullopt;
    }
    if (text.empty()) return result;
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), port);
    if (text.front() != ':' || error != std::errc{} || end != text.data() + text.size() || port == 0)
        return std::nullopt;
    result.port = port;
    return result;
}

}  // namespace

std::string read_path(const YamlNode& node) {
    auto path = node.text();
    if (!path.starts_with('/')) node.fail(fmt::format("not an absolute path: '{}'", path), "Begin it with a slash.");
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

std::string read_cron(const YamlNode& node) {
    auto line = node.text();
    if (line == kExternalCron) return line;
    try {
        Cron::parse(line);
    } catch (const Error& error) {
        node.fail(error.what(), error.hint());
    }
    return line;
}

std::string read_zone(const YamlNode& node) {
    auto zone = node.text();
    if (!TimeZone::find(zone))
        node.fail(fmt::format("no such time zone: '{}'", zone), "Write a name such as UTC or Europe/Berlin.");
    return zone;
}

std::string read_base_url(const YamlNode& node) {
    auto url = node.text();
    if (url.ends_with('/')) url.pop_back();
    const bool plain = url.starts_with("http://");
    const auto host = plain || url.starts_with("https://")
                          ? parse_host_port(std::string_view{url}.substr(plain ? 7 : 8))
                          : std::nullopt;
    if (!host) node.fail("not a base URL", "Write only scheme, host and port, such as https://proxy.example.com:8443.");
    if (plain && !is_loopback(host->host))
        node.fail(fmt::format("plain http to '{}' would show tokens to the network", host->host),
                  "Use https; http is allowed to 127.0.0.1, [::1] and localhost only.");
    return url;
}

std::optional<QuietHours> parse_quiet_hours(std::string_view text) {
    const auto minutes_of = [](std::string_view clock) -> std::optional<std::chrono::minutes> {
        const auto digit = [&](std::size_t i) { return clock[i] >= '0' && clock[i] <= '9'; };
        if (clock.size() != 5 || clock[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4))
            return std::nullopt;
        const int hours = (clock[0] - '0') * 10 + clock[1] - '0', minutes = (clock[3] - '0') * 10 + clock[4] - '0';
        if (hours > 23 || minutes > 59) return std::nullopt;
        return std::chrono::hours{hours} + std::chrono::minutes{minutes};
    };
    const auto dash = std::min(text.find('-'), text.size());
    const auto begin = minutes_of(text.substr(0, dash));
    const auto end = dash < text.size() ? minutes_of(text.substr(dash + 1)) : std::nullopt;
    if (!begin || !end || *begin == *end) return std::nullopt;
    return QuietHours{.begin = *begin, .end = *end};
}

std::string read_quiet_hours(const YamlNode& node) {
    auto text = node.text();
    if (!parse_quiet_hours(text))
        node.fail(fmt::format("not hours of the day: '{}'", text), "Write them like 22:00-07:00, in quotes.");
    return text;
}

std::string read_address(const YamlNode& node) {
    auto text = node.text();
    if (!is_mail_address(text))
        node.fail(fmt::format("not an address: '{}'", text), "Write one plain address, such as ops@example.com.");
    return text;
}

std::string read_smtp_url(const YamlNode& node) {
    auto text = node.text();
    std::string_view rest = text;
    for (const std::string_view scheme : {"smtps://", "smtp://"}) {
        if (!rest.starts_with(scheme)) continue;
        rest.remove_prefix(scheme.size());
        if (parse_host_port(rest)) return text;
    }
    node.fail(fmt::format("not the URL of a mail server: '{}'", text), "Write smtps://HOST:465 or smtp://HOST:587.");
}

ListenAddress read_listen(const YamlNode& node) {
    const auto text = node.text();
    constexpr std::string_view kUnix = "unix:";
    if (text.starts_with(kUnix)) {
        auto path = text.substr(kUnix.size());
        if (!path.starts_with('/'))
            node.fail(fmt::format("not an absolute path: '{}'", path), "Write unix:/run/tally/tallyd.sock.");
        if (path.size() > kMaxSocketPath)
            node.fail(fmt::format("a socket path of {} bytes; {} is the most", path.size(), kMaxSocketPath),
                      "Choose a shorter directory.");
        return {.unix_path = std::move(path), .host = {}, .port = 0};
    }
    const auto address = parse_host_port(text);
    if (!address || !address->port)
        node.fail(fmt::format("not an address: '{}'", text),
                  "Write unix:PATH or HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080.");
    return {.unix_path = {}, .host = address->host, .port = *address->port};
}

std::string ListenAddress::text() const {
    if (is_unix()) return "unix:" + unix_path;
    const bool ipv6 = host.find(':') != std::string::npos;
    return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace tally::config
