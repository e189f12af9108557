// SPDX-License-Identifier: Apache-2.0
// A request and a reply as the platforms' logic sees them, without sockets.
#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sim {

using Json = nlohmann::ordered_json;

/// Decoded query parameters in the order of the URL; a blank stands where an unescaped `+` was sent.
class Query {
public:
    void add(std::string name, std::string value) { items_.emplace_back(std::move(name), std::move(value)); }
    /// Null if absent; an empty value is not absent.
    const std::string* find(std::string_view name) const;
    std::string_view get(std::string_view name, std::string_view fallback = {}) const;
    /// Every value of a name that may be repeated.
    std::vector<std::string_view> all(std::string_view name) const;
    bool is(std::string_view name, std::string_view value) const { return find(name) != nullptr && get(name) == value; }
    std::vector<std::string_view> names() const;
    /// Percent-encoded, without the names listed.
    std::string render(std::initializer_list<std::string_view> without = {}) const;

private:
    std::vector<std::pair<std::string, std::string>> items_;
};

struct Request {
    std::string method;
    std::string target;  ///< as sent: path and query
    std::string path;    ///< decoded, without query
    Query query;
    std::string host;
    std::string authorization;  ///< the whole header; empty if there is none
    std::string bearer;         ///< its token if its scheme is Bearer
    std::string client_id;      ///< the header Client-Id
    std::string body;

    /// The path as sent, for links that lead back here.
    std::string_view raw_path() const { return std::string_view{target}.substr(0, target.find('?')); }
    /// The body as a form: `a=1&b=2`.
    Query form() const;
    /// Path segments: `/v1/me` gives `v1`, `me`.
    std::vector<std::string_view> segments() const;
};

Request make_request(std::string method, std::string target, std::string host, std::string authorization,
                     std::string body = {});

/// How the reply goes over the wire; everything but `whole` is a commanded fault.
enum class Delivery : std::uint8_t { whole, hang, cut, slow };

struct Reply {
    unsigned status = 200;
    std::string body;
    std::string content_type = "application/json; charset=UTF-8";
    std::vector<std::pair<std::string, std::string>> headers;
    Delivery delivery = Delivery::whole;
    std::chrono::milliseconds slow_for{0};  ///< time over which a slow body drips

    void set(std::string name, std::string value);
    const std::string* find(std::string_view name) const;
};

Reply json_reply(unsigned status, const Json& body);

/// Invalid UTF-8 (from an odd account id) is replaced rather than thrown at us.
std::string render_json(const Json& value);

std::string percent_decode(std::string_view text, bool plus_is_blank);
std::string percent_encode(std::string_view text);

/// Comma list; blanks around the parts are removed, empty parts are kept.
std::vector<std::string_view> split_list(std::string_view text);

std::optional<std::int64_t> parse_integer(std::string_view text);

}  // namespace sim
