// SPDX-License-Identifier: Apache-2.0
// A request and a reply as the platforms' logic sees them, without sockets.
#include "http.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace sim {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

Query parse_pairs(std::string_view rest) {
    Query query;
    while (!rest.empty()) {
        const auto amp = rest.find('&');
        const auto item = rest.substr(0, amp);
        const auto equal = item.find('=');
        if (!item.empty())
            query.add(percent_decode(item.substr(0, equal), true),
                      equal == std::string_view::npos ? std::string{} : percent_decode(item.substr(equal + 1), true));
        if (amp == std::string_view::npos) break;
        rest.remove_prefix(amp + 1);
    }
    return query;
}

}  // namespace

const std::string* Query::find(std::string_view name) const {
    for (const auto& [key, value] : items_)
        if (key == name) return &value;
    return nullptr;
}

std::string_view Query::get(std::string_view name, std::string_view fallback) const {
    const auto* value = find(name);
    return value != nullptr ? std::string_view{*value} : fallback;
}

std::vector<std::string_view> Query::names() const {
    std::vector<std::string_view> out;
    for (const auto& item : items_) out.push_back(item.first);
    return out;
}

std::vector<std::string_view> Query::all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [key, value] : items_)
        if (key == name) values.emplace_back(value);
    return values;
}

std::string Query::render(std::initializer_list<std::string_view> without) const {
    std::string out;
    for (const auto& [key, value] : items_) {
        if (std::find(without.begin(), without.end(), key) != without.end()) continue;
        if (!out.empty()) out += '&';
        out += percent_encode(key);
        out += '=';
        out += percent_encode(value);
    }
    return out;
}

Query Request::form() const {
    return parse_pairs(body);
}

std::vector<std::string_view> Request::segments() const {
    std::vector<std::string_view> parts;
    std::string_view rest{path};
    while (!rest.empty()) {
        const auto slash = rest.find('/');
        if (slash != 0) parts.push_back(rest.substr(0, slash));
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
    }
    return parts;
}

Request make_request(std::string method, std::string target, std::string host, std::string authorization,
                     std::string body) {
    Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.host = std::move(host);
    request.body = std::move(body);
    constexpr std::string_view kBearer = "Bearer ";
    if (authorization.starts_with(kBearer)) request.bearer = authorization.substr(kBearer.size());

    const std::string_view whole{request.target};
    const auto mark = whole.find('?');
    request.path = percent_decode(whole.substr(0, mark), false);
    if (mark != std::string_view::npos) request.query = parse_pairs(whole.substr(mark + 1));
    request.authorization = std::move(authorization);
    return request;
}

void Reply::set(std::string name, std::string value) {
    for (auto& [key, old] : headers)
        if (key == name) {
            old = std::move(value);
            return;
        }
    headers.emplace_back(std::move(name), std::move(value));
}

const std::string* Reply::find(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (key == name) return &value;
    return nullptr;
}

Reply json_reply(unsigned status, const Json& body) {
    Reply reply;
    reply.status = status;
    reply.body = render_json(body);
    return reply;
}

std::string render_json(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string percent_decode(std::string_view text, bool plus_is_blank) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~')
            out += c;
        else
            out += fmt::format("%{:02X}", byte);
    }
    return out;
}

std::vector<std::string_view> split_list(std::string_view text) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto comma = text.find(',');
        auto part = text.substr(0, comma);
        while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
        while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
        parts.push_back(part);
        if (comma == std::string_view::npos) return parts;
        text.remove_prefix(comma + 1);
    }
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
    return value;
}

}  // namespace sim
