// SPDX-License-Identifier: Apache-2.0
// Requests, answers and the route table.
#include "daemon/api/http.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"

namespace tally::api {

namespace {

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> segments;
    while (!path.empty()) {
        if (path.front() == '/') path.remove_prefix(1);
        const auto end = path.find('/');
        segments.emplace_back(path.substr(0, end));
        path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
    }
    return segments;
}

bool is_parameter(const std::string& segment) {
    return segment.size() > 2 && segment.front() == '{';
}

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

struct HttpError {
    int status;
    std::string_view code;
};

HttpError http_error(Fault fault) noexcept {
    switch (fault) {
        case Fault::usage:
            return {400, "bad_request"};
        case Fault::missing:
            return {404, "not_found"};
        case Fault::config:
            return {422, "configuration"};
        case Fault::unreachable:
            return {503, "unavailable"};
        case Fault::temporary:
            return {503, "try_again"};
        case Fault::denied:
            return {403, "denied"};
        case Fault::failed:
            return {409, "failed"};
        case Fault::internal:
            break;
    }
    return {500, "internal"};
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
        if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
        result += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return result;
}

nlohmann::json Request::json() const {
    if (body.empty()) return nlohmann::json::object();
    auto value = nlohmann::json::parse(body, nullptr, false);
    if (!value.is_object()) throw Error(Fault::usage, "the body is no JSON object");
    return value;
}

std::optional<std::string> Request::query_value(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() || found->second.empty() ? std::nullopt : std::optional{found->second};
}

Response Response::json(int status, const nlohmann::json& body) {
    return {.status = status,
            .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
            .content_type = "application/json",
            .allow = {}};
}

Response Response::data(const nlohmann::json& data, int status) {
    return json(status, {{"success", true}, {"data", data}});
}

Response Response::error(int status, std::string_view code, std::string_view message, std::string_view hint) {
    nlohmann::json error{{"code", code}, {"message", message}};
    if (!hint.empty()) error["hint"] = hint;
    return json(status, {{"success", false}, {"error", std::move(error)}});
}

Response Response::from(const std::exception& error) {
    const auto [status, code] = http_error(fault_of(error));
    const auto* ours = dynamic_cast<const Error*>(&error);
    // What is not ours may say anything; it goes to the log, not to the caller.
    if (status == 500) return Response::error(status, code, "internal error", "See the daemon's log.");
    return Response::error(status, code, describe_line(error), ours != nullptr ? ours->hint() : "");
}

void Router::add(std::string method, const std::string& pattern, Access access, Handler handler) {
    routes_.push_back({std::move(method), split(pattern), access, std::move(handler)});
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
    const auto segments = split(path);
    Match match;
    for (const auto& route : routes_) {
        if (route.segments.size() != segments.size()) continue;
        std::map<std::string, std::string> params;
        bool fits = true;
        for (std::size_t i = 0; i < segments.size() && fits; ++i) {
            const auto& expected = route.segments[i];
            if (!is_parameter(expected)) {
                fits = expected == segments[i];
            } else if (auto value = percent_decode(segments[i]); value && !value->empty()) {
                params[expected.substr(1, expected.size() - 2)] = std::move(*value);
            } else {
                fits = false;
            }
        }
        if (!fits) continue;
        if (route.method == method) {
            return {.handler = &route.handler, .access = route.access, .params = std::move(params), .allow = {}};
        }
        match.access = route.access;
        match.allow += (match.allow.empty() ? "" : ", ") + (route.method == "GET" ? "GET, HEAD" : route.method);
    }
    return match;
}

}  // namespace tally::api
