// SPDX-License-Identifier: Apache-2.0
// HTTP over libcurl's multi interface, driven by the daemon's loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/secret.hpp"

namespace tally::net {

struct Request {
    std::string method = "GET";
    Secret url;                                           ///< may carry tokens in its query
    std::vector<std::pair<std::string, Secret>> headers;  ///< name, value
    Secret body;                                          ///< of a POST; may be empty
    /// From the first byte of the connect to the last of the body. Connecting takes at most 10 s of it, and an answer
    /// that stands still for 15 s is given up.
    std::chrono::milliseconds timeout{30'000};
    std::size_t body_limit = 16U << 20U;  ///< bytes of the decoded answer
};

struct Response {
    /// Why there is no (whole) answer; `none` when there is one, whatever its status.
    enum class Failure { none, resolve, connect, tls, timeout, cut, too_large, other };
    Failure failure = Failure::none;
    std::string failure_text;  ///< in curl's words, without URL
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case, in order of arrival
    std::string body;
    std::chrono::microseconds elapsed{0};
};

/// One pool of connections for all platforms: HTTP/2 where offered, keep-alive, TLS 1.2 or later and always verified,
/// no redirects, only https, and http to loopback; headers of an answer are limited to 64 KiB. Use from the executor's
/// thread only; must outlive its requests.
class HttpClient {
public:
    struct Settings {
        std::size_t max_connections = 256;  ///< open at once, over all hosts
        std::size_t max_per_host = 64;      ///< open at once to one host
        std::string user_agent;
    };
    HttpClient(boost::asio::any_io_executor executor, const Settings& settings);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Suspends until the answer is complete or failed. Cancelling the coroutine cancels the transfer.
    boost::asio::awaitable<Response> fetch(Request request);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tally::net
