// SPDX-License-Identifier: Apache-2.0
// The HTTP server on Boost.Beast, which is named here only.
#include "daemon/api/server.hpp"

#include <fmt/format.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <string_view>
#include <variant>

#include "common/error.hpp"
#include "common/postgres/value.hpp"
#include "daemon/api/peer.hpp"
#include "daemon/api/throttle.hpp"
#include "daemon/net/async.hpp"

namespace tally::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;
using asio::ip::tcp;

namespace {

constexpr std::uint32_t kHeaderLimit = 16U << 10U;

/// Compares fixed-length digests, so that neither content nor length shows in the time it takes.
bool same_secret(const Secret& expected, std::string_view given) {
    const auto digest = [](std::string_view text, unsigned char* out) {
        crypto_generichash(out, crypto_generichash_BYTES, reinterpret_cast<const unsigned char*>(text.data()),
                           text.size(), nullptr, 0);
    };
    unsigned char a[crypto_generichash_BYTES], b[crypto_generichash_BYTES];
    digest(expected.reveal(), a);
    digest(given, b);
    return sodium_memcmp(a, b, sizeof a) == 0;
}

/// Splits "path?a=b&c=d". False when an escape is malformed.
bool read_target(std::string_view target, Request& request) {
    const auto mark = target.find('?');
    request.path = std::string{target.substr(0, mark)};
    if (mark == std::string_view::npos) return true;
    auto rest = target.substr(mark + 1);
    while (!rest.empty()) {
        const auto end = rest.find('&');
        const auto pair = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        const auto equals = pair.find('=');
        auto name = percent_decode(pair.substr(0, equals));
        auto value = percent_decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
        if (!name || !value) return false;
        request.query[*name] = *value;
    }
    return true;
}

Local::acceptor bind_local(const asio::any_io_executor& executor, const std::string& path) {
    sockaddr_un address{};
    if (path.size() >= sizeof address.sun_path)
        throw Error(Fault::config,
                    fmt::format("listen: socket path '{}' is longer than {} bytes", path, sizeof address.sun_path - 1),
                    "Choose a shorter state_dir or name a shorter unix: path under listen.");
    boost::system::error_code error;
    // A file left behind by a crash is replaced; a socket that somebody serves is not.
    Local::socket probe{executor};
    probe.connect(Local::endpoint{path}, error);
    if (!error)
        throw Error(Fault::failed, fmt::format("listen: another tallyd answers on '{}'", path),
                    "Stop it first, or give this one its own state_dir.");
    (void)::unlink(path.c_str());
    Local::acceptor acceptor{executor};
    acceptor.open();
    const auto previous = ::umask(0177);
    acceptor.bind(Local::endpoint{path}, error);
    ::umask(previous);
    if (error) throw Error(Fault::config, fmt::format("listen: cannot bind '{}': {}", path, error.message()));
    restrict_socket(path);
    acceptor.listen();
    return acceptor;
}

tcp::endpoint find_endpoint(const asio::any_io_executor& executor, const Listen& listen) {
    boost::system::error_code error;
    tcp::resolver resolver{executor};
    const auto found = resolver.resolve(listen.host, std::to_string(listen.port), tcp::resolver::passive, error);
    if (error || found.empty())
        throw Error(Fault::config, fmt::format("listen: '{}' is no address of this machine", listen.host));
    return found.begin()->endpoint();
}

tcp::acceptor bind_tcp(const asio::any_io_executor& executor, const Listen& listen, const tcp::endpoint& endpoint) {
    boost::system::error_code error;
    tcp::acceptor acceptor{executor};
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind(endpoint, error);
    if (error)
        throw Error(Fault::config,
                    fmt::format("listen: cannot bind {}:{}: {}", listen.host, listen.port, error.message()),
                    "Another program may use this port: see 'ss -ltnp'.");
    acceptor.listen();
    return acceptor;
}

/// An IPv6 network counts as one: whoever has one has all its addresses.
std::string name_peer(const tcp::socket& socket) {
    boost::system::error_code error;
    const auto address = socket.remote_endpoint(error).address();
    if (error) return {};
    if (!address.is_v6() || address.to_v6().is_v4_mapped()) return address.to_string();
    auto bytes = address.to_v6().to_bytes();
    std::fill(bytes.begin() + bytes.size() / 2, bytes.end(), static_cast<unsigned char>(0));
    return asio::ip::address_v6{bytes}.to_string();
}

}  // namespace

class Server::Impl {
public:
    Impl(asio::any_io_executor executor, Router router, ServerSettings settings, service::Log& log)
        : executor_(std::move(executor)),
          router_(std::move(router)),
          settings_(std::move(settings)),
          log_(log),
          acceptors_group_(executor_),
          sessions_(executor_) {
        for (const int descriptor : settings_.passed) adopt(descriptor);
        for (const auto& listen : settings_.listen) {
            if (listen.unix_path.empty()) {
                const auto endpoint = find_endpoint(executor_, listen);
                if (!has(tcp_, endpoint)) tcp_.push_back(bind_tcp(executor_, listen, endpoint));
            } else if (!has(local_, Local::endpoint{listen.unix_path})) {
                local_.push_back(bind_local(executor_, listen.unix_path));
                bound_.push_back(listen.unix_path);
            }
        }
    }

    void set_cron_secret(std::optional<Secret> secret) { settings_.cron_secret = std::move(secret); }

    void start() {
        for (auto& acceptor : local_) acceptors_group_.spawn(accept(acceptor));
        for (auto& acceptor : tcp_) acceptors_group_.spawn(accept(acceptor));
    }

    asio::awaitable<void> stop(std::chrono::milliseconds grace) {
        stopping_ = true;
        acceptors_group_.stop();
        co_await acceptors_group_.join();
        local_.clear();
        tcp_.clear();
        for (const auto& path : bound_) (void)::unlink(path.c_str());
        asio::steady_timer timer{executor_, grace};
        timer.async_wait([this](const boost::system::error_code& error) {
            if (!error) sessions_.stop();
        });
        if (busy_ == 0) sessions_.stop();
        co_await sessions_.join();
    }

private:
    /// Counted while it lives.
    class Busy {
    public:
        explicit Busy(std::size_t& count) : count_(count) { ++count_; }
        ~Busy() { --count_; }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;

    private:
        std::size_t& count_;
    };

    void adopt(int descriptor) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw Error(Fault::config, fmt::format("listen: descriptor {} is no socket", descriptor));
        if (address.ss_family == AF_UNIX) {
            local_.emplace_back(executor_).assign(Local{}, descriptor);
        } else {
            tcp_.emplace_back(executor_).assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor);
        }
    }

    template <class Acceptor>
    static bool has(const std::vector<Acceptor>& acceptors, const typename Acceptor::endpoint_type& endpoint) {
        return std::any_of(acceptors.begin(), acceptors.end(),
                           [&](const auto& acceptor) { return acceptor.local_endpoint() == endpoint; });
    }

    template <class Acceptor>
    asio::awaitable<void> accept(Acceptor& acceptor) {
        for (;;) {
            auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
            if (error == asio::error::operation_aborted) co_return;
            if (error) {  // out of descriptors, most likely: do not spin
                asio::steady_timer pause{executor_, std::chrono::milliseconds{100}};
                co_await pause.async_wait(asio::use_awaitable);
                continue;
            }
            if constexpr (std::is_same_v<Acceptor, Local::acceptor>) {
                if (!peer_allowed(socket.native_handle())) continue;
            }
            if (sessions_.size() >= settings_.max_connections) continue;  // closed: the peer may come again
            sessions_.spawn(serve(std::move(socket)));
        }
    }

    template <class Socket>
    asio::awaitable<void> serve(Socket socket) {
        std::optional<std::string> peer;
        if constexpr (std::is_same_v<Socket, tcp::socket>) peer = name_peer(socket);
        beast::basic_stream<typename Socket::protocol_type> stream{std::move(socket)};
        beast::flat_buffer buffer;
        // Who has just come is about to ask: a stop waits for that, or a restart would cost them an empty answer.
        std::optional<Busy> busy{std::in_place, busy_};
        for (bool keep_alive = true; keep_alive && (busy || !stopping_);) {
            http::request_parser<http::string_body> parser;
            parser.header_limit(kHeaderLimit);
            parser.body_limit(settings_.body_limit);
            stream.expires_after(settings_.idle);
            const auto [error, bytes] =
                co_await http::async_read(stream, buffer, parser, asio::as_tuple(asio::use_awaitable));
            if (error == http::error::body_limit || error == http::error::header_limit) {
                co_await write(stream, Response::error(413, "too_large", "the request is too large"), 11, false);
                break;
            }
            if (error) break;  // closed, cut, idle or no HTTP at all: nobody to answer
            const auto message = parser.release();
            keep_alive = message.keep_alive();
            if (!busy) busy.emplace(busy_);
            auto response = co_await answer(message, peer);
            const bool written =
                co_await write(stream, std::move(response), message.version(), keep_alive, message.method());
            busy.reset();
            if (!written) break;
        }
        boost::system::error_code ignored;
        stream.socket().shutdown(Socket::shutdown_send, ignored);
    }

    /// What somebody is told who may not ask over TCP; nullopt: the secret is right.
    std::optional<Response> refuse(std::string_view given, const std::string& peer) {
        const auto at = Throttle::Clock::now();
        if (const auto wait = throttle_.wait(peer, at); wait.count() > 0) {
            auto response = Response::error(429, "too_many_failures", "too many requests without the right secret");
            response.retry_after = wait;
            return response;
        }
        const auto& secret = settings_.cron_secret;
        if (secret && !secret->empty() && same_secret(*secret, given)) return std::nullopt;
        throttle_.failed(peer, at);
        return Response::error(401, "unauthorized", "the header X-Cron-Secret is missing or wrong",
                               secret ? "" : "Set api.cron_secret to use this route over TCP.");
    }

    /// @param peer who asks; nullopt: somebody at the Unix socket, whom the kernel has vouched for
    asio::awaitable<Response> answer(const http::request<http::string_body>& message,
                                     const std::optional<std::string>& peer) {
        Request request{.method = std::string{message.method_string()},
                        .path = {},
                        .query = {},
                        .params = {},
                        .content_type = std::string{message[http::field::content_type]},
                        .body = message.body()};
        if (!read_target(message.target(), request))
            co_return Response::error(400, "bad_request", "malformed escape in the URL");
        auto match = router_.find(message.method() == http::verb::head ? "GET" : request.method, request.path);
        if (peer && match.access != Access::open) {
            if (auto refusal = refuse(message["X-Cron-Secret"], *peer)) co_return std::move(*refusal);
        }
        if (match.handler == nullptr && match.allow.empty())
            co_return Response::error(404, "not_found", "no such route");
        if (match.handler == nullptr) {
            auto response = Response::error(405, "method_not_allowed", fmt::format("this route knows {}", match.allow));
            response.allow = match.allow;
            co_return response;
        }
        request.params = std::move(match.params);
        const auto is_text = [](const auto& entry) { return postgres::is_storable(entry.second); };
        if (!std::all_of(request.params.begin(), request.params.end(), is_text) ||
            !std::all_of(request.query.begin(), request.query.end(), is_text))
            co_return Response::error(400, "bad_request", "the URL is no UTF-8");
        std::exception_ptr failure;
        try {
            co_return co_await (*match.handler)(request);
        } catch (const boost::system::system_error& error) {
            if (error.code() == asio::error::operation_aborted) throw;
            failure = std::current_exception();
        } catch (const std::exception&) {
            failure = std::current_exception();
        }
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            const auto response = Response::from(error);
            if (response.status >= 500)
                log_.error("request failed",
                           {{"method", request.method}, {"path", request.path}, {"error", describe_line(error)}});
            co_return response;
        }
    }

    template <class Stream>
    asio::awaitable<bool> write(Stream& stream, Response response, unsigned version, bool keep_alive,
                                http::verb method = http::verb::get) {
        http::response<http::string_body> message{static_cast<http::status>(response.status), version};
        message.set(http::field::content_type, response.content_type);
        message.set(http::field::cache_control, "no-store");
        if (!response.allow.empty()) message.set(http::field::allow, response.allow);
        if (response.retry_after.count() > 0)
            message.set(http::field::retry_after, std::to_string(response.retry_after.count()));
        message.keep_alive(keep_alive);
        message.body() = std::move(response.body);
        message.prepare_payload();
        if (method == http::verb::head) message.body().clear();  // only its length is told
        stream.expires_after(settings_.idle);
        const auto [error, bytes] = co_await http::async_write(stream, message, asio::as_tuple(asio::use_awaitable));
        co_return !error;
    }

    asio::any_io_executor executor_;
    Router router_;
    ServerSettings settings_;
    service::Log& log_;
    std::vector<Local::acceptor> local_;
    std::vector<tcp::acceptor> tcp_;
    std::vector<std::string> bound_;  // socket files to remove
    net::TaskGroup acceptors_group_;
    net::TaskGroup sessions_;
    Throttle throttle_;
    std::size_t busy_ = 0;  // sessions that read their first request, or answer one
    bool stopping_ = false;
};

Server::Server(asio::any_io_executor executor, Router router, ServerSettings settings, service::Log& log)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(router), std::move(settings), log)) {}
Server::~Server() = default;
void Server::set_cron_secret(std::optional<Secret> secret) {
    impl_->set_cron_secret(std::move(secret));
}
void Server::start() {
    impl_->start();
}
asio::awaitable<void> Server::stop(std::chrono::milliseconds grace) {
    return impl_->stop(grace);
}

}  // namespace tally::api
