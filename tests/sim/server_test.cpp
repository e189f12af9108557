// SPDX-License-Identifier: Apache-2.0
// The server over a real socket: keep-alive, cut and slow answers, and an end that leaves nothing open.
#include "server.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <thread>

using namespace sim;
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

/// A server on a free port and its loop on a thread of its own; the simulator is touched by that thread only.
class RunningServer {
public:
    RunningServer() {
        server_.start();
        thread_ = std::thread{[this] { loop_.run(); }};
    }
    ~RunningServer() {
        asio::post(loop_, [this] { server_.stop(); });
        thread_.join();
    }
    RunningServer(const RunningServer&) = delete;
    RunningServer& operator=(const RunningServer&) = delete;

    asio::ip::tcp::endpoint endpoint() const { return {asio::ip::address_v4::loopback(), server_.port()}; }

private:
    asio::io_context loop_{1};
    Simulator simulator_{1};
    Server server_{loop_, simulator_, {asio::ip::address_v4::loopback(), 0}, std::chrono::milliseconds{0}, [] {
                       return at("2026-11-20T20:00:00Z");
                   }};
    std::thread thread_;
};

class Connection {
public:
    explicit Connection(const RunningServer& server) { socket_.connect(server.endpoint()); }

    /// The answer, or the error that ended it.
    std::pair<http::response<http::string_body>, error_code> ask(http::verb verb, const std::string& target,
                                                                 const std::string& body = {}) {
        http::request<http::string_body> request{verb, target, 11};
        request.set(http::field::host, "127.0.0.1");
        request.set(http::field::authorization, "Bearer sim.instagram.1784");
        request.body() = body;
        request.prepare_payload();
        error_code error;
        http::response<http::string_body> response;
        http::write(socket_, request, error);
        if (!error) http::read(socket_, buffer_, response, error);
        return {response, error};
    }
    unsigned status(const std::string& target) { return ask(http::verb::get, target).first.result_int(); }

    asio::ip::tcp::socket& socket() { return socket_; }

private:
    asio::io_context loop_;
    asio::ip::tcp::socket socket_{loop_};
    boost::beast::flat_buffer buffer_;
};

}  // namespace

TEST_CASE("a connection serves many requests, and the counters see them") {
    const RunningServer server;
    Connection connection{server};
    for (int i = 0; i < 5; ++i) CHECK(connection.status("/v25.0/1784?fields=followers_count") == 200);
    CHECK(connection.status("/v25.0/1785") == 400);
    const auto stats = Json::parse(connection.ask(http::verb::get, "/_sim/stats").first.body());
    CHECK(stats["requests"] == 6);
    CHECK(stats["concurrent_max"] == 1);
}

TEST_CASE("a cut answer ends in the middle, a slow one is complete in the end") {
    const RunningServer server;
    Connection cut{server};
    CHECK(cut.ask(http::verb::post, "/_sim/fault", R"({"kind":"cut","count":1})").first.result_int() == 200);
    const auto [half, error] = cut.ask(http::verb::get, "/v25.0/1784?fields=name");
    CHECK(half.result_int() == 200);
    CHECK(error == http::error::partial_message);

    Connection slow{server};
    CHECK(slow.ask(http::verb::post, "/_sim/fault", R"({"kind":"slow","slow_ms":100,"count":1})").first.result_int() ==
          200);
    const auto start = std::chrono::steady_clock::now();
    const auto [whole, none] = slow.ask(http::verb::get, "/v25.0/1784?fields=name");
    CHECK(!none);
    CHECK(Json::parse(whole.body())["id"] == "1784");
    CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds{80});
    CHECK(slow.status("/v25.0/1784") == 200);
}

TEST_CASE("a hanging request gets no answer, counts as in flight, and does not keep the server from ending") {
    std::optional<RunningServer> server;
    server.emplace();
    Connection hanging{*server};
    CHECK(hanging.ask(http::verb::post, "/_sim/fault", R"({"kind":"hang","count":1})").first.result_int() == 200);
    const std::string request =
        "GET /v25.0/1784 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sim.instagram.1784\r\n\r\n";
    asio::write(hanging.socket(), asio::buffer(request));
    Connection other{*server};
    while (Json::parse(other.ask(http::verb::get, "/_sim/stats").first.body())["requests"] == 0)
        std::this_thread::yield();
    CHECK(other.status("/v25.0/1784") == 200);
    CHECK(Json::parse(other.ask(http::verb::get, "/_sim/stats").first.body())["concurrent_max"] == 2);
    CHECK(hanging.socket().available() == 0);
    server.reset();
    error_code error;
    std::array<char, 16> bytes{};
    CHECK(hanging.socket().read_some(asio::buffer(bytes), error) == 0);
    CHECK(error);
}

TEST_CASE("a request that is no HTTP only ends its connection") {
    const RunningServer server;
    Connection broken{server};
    asio::write(broken.socket(), asio::buffer(std::string{"\x16\x03\x01 nonsense\r\n\r\n"}));
    error_code error;
    std::array<char, 16> bytes{};
    broken.socket().read_some(asio::buffer(bytes), error);
    CHECK(error);
    CHECK(Connection{server}.status("/v25.0/1784") == 200);
}
