// SPDX-License-Identifier: Apache-2.0
// A request and an answer of the daemon's HTTP interface, and the table that leads from one to the other.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::api {

struct Request {
    std::string method;
    std::string path;                           ///< without query, percent-encoding still in place
    std::map<std::string, std::string> query;   ///< decoded
    std::map<std::string, std::string> params;  ///< what {name} of the route stood for, decoded
    std::string content_type;
    std::string body;

    /// The body as a JSON object; an empty body is an empty object. @throws Error (usage)
    nlohmann::json json() const;
    std::optional<std::string> query_value(const std::string& name) const;
};

struct Response {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
    std::string allow;                    ///< with 405: the methods that the path has
    std::chrono::seconds retry_after{0};  ///< with 429: when to come again

    static Response json(int status, const nlohmann::json& body);
    static Response data(const nlohmann::json& data, int status = 200);  ///< {"success": true, "data": …}
    static Response error(int status, std::string_view code, std::string_view message, std::string_view hint = {});
    /// The one place where a failure becomes an HTTP answer.
    static Response from(const std::exception& error);
};

using Handler = std::function<boost::asio::awaitable<Response>(const Request&)>;

enum class Access {
    open,     ///< health: no secret needed
    guarded,  ///< over TCP it needs the secret
};

class Router {
public:
    /// @param pattern such as "/api/internal/users/{id}"
    void add(std::string method, const std::string& pattern, Access access, Handler handler);

    struct Match {
        const Handler* handler = nullptr;  ///< null: 404, or 405 when `allow` is not empty
        Access access = Access::guarded;
        std::map<std::string, std::string> params;
        std::string allow;
    };
    Match find(std::string_view method, std::string_view path) const;

private:
    struct Route {
        std::string method;
        std::vector<std::string> segments;
        Access access;
        Handler handler;
    };
    std::vector<Route> routes_;
};

/// Decodes %XX; nullopt when it is malformed or hides a NUL.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace tally::api
