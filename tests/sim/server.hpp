// SPDX-License-Identifier: Apache-2.0
// Serves a Simulator over HTTP/1.1 with keep-alive, on the thread of its io_context.
#pragma once

#include "simulator.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <unordered_set>

namespace sim {

class Session;

class Server {
public:
    using Clock = std::function<Moment()>;

    /// Binds and listens at once (throws boost::system::system_error); port 0 takes any free one. The io_context and
    /// the simulator must outlive the server.
    Server(boost::asio::io_context& loop, Simulator& simulator, const boost::asio::ip::tcp::endpoint& endpoint,
           std::chrono::milliseconds latency, Clock clock);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    std::uint16_t port() const { return port_; }
    void start() { accept(); }
    /// Closes everything; the loop runs dry and its run() returns.
    void stop();

private:
    friend class Session;

    void accept();

    boost::asio::io_context& loop_;
    Simulator& simulator_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::chrono::milliseconds latency_;
    Clock clock_;
    std::uint16_t port_ = 0;
    std::unordered_set<Session*> sessions_;  // they enter and leave by themselves
};

}  // namespace sim
