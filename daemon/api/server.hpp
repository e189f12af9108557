// SPDX-License-Identifier: Apache-2.0
// The HTTP server: listens on a Unix socket and, if configured, on TCP; guards, limits and answers.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/secret.hpp"
#include "daemon/api/http.hpp"
#include "daemon/service/log.hpp"

namespace tally::api {

struct Listen {
    std::string unix_path;  ///< not empty: a Unix socket
    std::string host;       ///< else an address of this machine
    std::uint16_t port = 0;
};

struct ServerSettings {
    std::vector<Listen> listen;
    /// Descriptors of listening stream sockets that are open already; the server owns them. An address of `listen` that
    /// is among them is not bound again.
    std::vector<int> passed;
    std::optional<Secret> cron_secret;  ///< without it TCP answers health only
    std::size_t max_connections = 256;
    std::size_t body_limit = 2U << 20U;  ///< bytes
    std::chrono::seconds idle{60};       ///< a connection that says nothing for so long is closed
};

/// Use from the executor's thread only.
class Server {
public:
    /// Binds at once. @throws Error (config or failed) naming the address, when it is taken or not allowed.
    Server(boost::asio::any_io_executor executor, Router router, ServerSettings settings, service::Log& log);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    void set_cron_secret(std::optional<Secret> secret);
    void start();
    /// Closes the listeners, lets answers under way finish for at most `grace`, and suspends until all is closed.
    boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tally::api
