// SPDX-License-Identifier: Apache-2.0
// Talks to tallyd: HTTP with JSON over its Unix socket.
#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/error.hpp"
#include "common/secret.hpp"

namespace tally::cli {

/// "/api/internal/users/U/connections/P/A": every part is encoded.
std::string api_path(const std::vector<std::string>& parts);

/// Appends "?name=value&…", encoded; empty values are left out.
std::string with_query(std::string path, const std::vector<std::pair<std::string, std::string>>& query);

/// What an answer of the API with an error status means to the caller.
Error api_error(int status, std::string_view body);

/// Blocking, one request at a time.
class DaemonClient {
public:
    explicit DaemonClient(std::string socket);
    ~DaemonClient();
    DaemonClient(const DaemonClient&) = delete;
    DaemonClient& operator=(const DaemonClient&) = delete;

    /// The whole answer of a successful request. `body` is sent unless empty.
    /// @throws Error unreachable: no daemon there; denied: the socket may not be opened; temporary: no answer in time;
    ///         what the API says otherwise
    nlohmann::json request(const std::string& method, const std::string& path, const Secret& body = Secret{},
                           std::string_view content_type = "application/json");

    /// The member `data` of the answer.
    nlohmann::json get(const std::string& path) { return std::move(request("GET", path)["data"]); }

    /// The content of a successful answer that is no JSON.
    std::string fetch(const std::string& path) { return perform("GET", path, Secret{}, ""); }

    void set_timeout(std::chrono::milliseconds timeout) noexcept { timeout_ = timeout; }

private:
    std::string perform(const std::string& method, const std::string& path, const Secret& body,
                        std::string_view content_type);

    class Handle;
    std::string socket_;
    std::chrono::milliseconds timeout_{30'000};
    std::unique_ptr<Handle> handle_;
};

}  // namespace tally::cli
