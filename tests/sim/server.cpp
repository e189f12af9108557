// SPDX-License-Identifier: Apache-2.0
// Serves a Simulator over HTTP/1.1 with keep-alive, on the thread of its io_context.
#include "server.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <memory>
#include <optional>
#include <sstream>
#include <vector>

namespace sim {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kLongestBody = 1U << 20U;
constexpr std::uint32_t kLongestHeader = 64U << 10U;
constexpr std::size_t kSlowPieces = 10;

}  // namespace

/// One connection. Lives as long as an operation of it is pending; every operation ends when the socket is closed.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(Server& server, asio::ip::tcp::socket socket)
        : server_{server}, socket_{std::move(socket)}, timer_{socket_.get_executor()} {
        server_.sessions_.insert(this);
        error_code ignored;
        socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
    }
    ~Session() {
        server_.sessions_.erase(this);
        leave();
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void read() {
        parser_.emplace();
        parser_->body_limit(kLongestBody);
        parser_->header_limit(kLongestHeader);
        http::async_read(socket_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
            if (error)
                self->close();
            else
                self->handle();
        });
    }

    void close() {
        error_code ignored;
        socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
        socket_.close(ignored);
        timer_.cancel();
    }

private:
    void handle() {
        auto& message = parser_->get();
        auto request = make_request(std::string{message.method_string()}, std::string{message.target()},
                                    std::string{message[http::field::host]},
                                    std::string{message[http::field::authorization]}, std::move(message.body()));
        request.client_id = std::string{message["Client-Id"]};
        const bool control = is_control_path(request.path);
        if (!control) enter();
        reply_ = server_.simulator_.answer(request, server_.clock_());
        if (control || server_.latency_.count() == 0) {
            send();
            return;
        }
        timer_.expires_after(server_.latency_);
        timer_.async_wait([self = shared_from_this()](error_code error) {
            if (!error) self->send();
        });
    }

    void send() {
        if (reply_.delivery == Delivery::hang) {
            wait_for_hang_up();
            return;
        }
        response_ = {};
        response_.version(11);
        response_.result(reply_.status);
        response_.keep_alive(parser_->get().keep_alive() && reply_.delivery != Delivery::cut);
        response_.set(http::field::content_type, reply_.content_type);
        for (const auto& [name, value] : reply_.headers) response_.set(name, value);
        response_.body() = std::move(reply_.body);
        response_.prepare_payload();
        if (reply_.delivery != Delivery::whole) {
            send_in_pieces();
            return;
        }
        http::async_write(socket_, response_,
                          [self = shared_from_this()](error_code error, std::size_t) { self->finish(error); });
    }

    void finish(error_code error) {
        leave();
        if (error || !response_.keep_alive())
            close();
        else
            read();
    }

    void send_in_pieces() {
        std::ostringstream out;
        out << response_;
        wire_ = out.str();
        sent_ = 0;
        if (reply_.delivery == Delivery::cut) {
            wire_.resize(wire_.size() - (response_.body().size() + 1) / 2);
            asio::async_write(socket_, asio::buffer(wire_), [self = shared_from_this()](error_code, std::size_t) {
                self->leave();
                self->close();
            });
            return;
        }
        drip();
    }

    void drip() {
        const auto size = std::min(wire_.size() - sent_, wire_.size() / kSlowPieces + 1);
        asio::async_write(socket_, asio::buffer(wire_.data() + sent_, size),
                          [self = shared_from_this()](error_code error, std::size_t written) {
                              self->sent_ += written;
                              if (error || self->sent_ == self->wire_.size()) {
                                  self->finish(error);
                                  return;
                              }
                              self->timer_.expires_after(self->reply_.slow_for / kSlowPieces);
                              self->timer_.async_wait([self](error_code waited) {
                                  if (!waited) self->drip();
                              });
                          });
    }

    /// Never answers; what the client still sends is thrown away.
    void wait_for_hang_up() {
        socket_.async_read_some(asio::buffer(waste_), [self = shared_from_this()](error_code error, std::size_t) {
            if (error)
                self->close();
            else
                self->wait_for_hang_up();
        });
    }

    void enter() {
        server_.simulator_.begin();
        in_flight_ = true;
    }
    void leave() {
        if (std::exchange(in_flight_, false)) server_.simulator_.end();
    }

    Server& server_;
    asio::ip::tcp::socket socket_;
    asio::steady_timer timer_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    http::response<http::string_body> response_;
    Reply reply_;
    std::string wire_;
    std::size_t sent_ = 0;
    std::array<char, 1024> waste_{};
    bool in_flight_ = false;
};

Server::Server(asio::io_context& loop, Simulator& simulator, const asio::ip::tcp::endpoint& endpoint,
               std::chrono::milliseconds latency, Clock clock)
    : loop_{loop},
      simulator_{simulator},
      acceptor_{loop, endpoint},
      latency_{latency},
      clock_{std::move(clock)},
      port_{acceptor_.local_endpoint().port()} {
    simulator_.guard().set_latency(latency);
}

Server::~Server() {
    stop();
}

void Server::accept() {
    acceptor_.async_accept([this](error_code error, asio::ip::tcp::socket socket) {
        if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
        if (!error) std::make_shared<Session>(*this, std::move(socket))->read();
        accept();  // a failed accept (no descriptors left) costs only itself
    });
}

void Server::stop() {
    error_code ignored;
    acceptor_.close(ignored);
    const std::vector<Session*> open{sessions_.begin(), sessions_.end()};
    for (auto* session : open) session->close();
}

}  // namespace sim
