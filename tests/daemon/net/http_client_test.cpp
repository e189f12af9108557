// SPDX-License-Identifier: Apache-2.0
// What the HTTP client takes from a server, and what it does not.
#include "daemon/net/http_client.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <thread>

using namespace tally;
using namespace std::chrono_literals;
using tcp = boost::asio::ip::tcp;
using Failure = net::Response::Failure;

namespace {

/// 200,000 zeros.
const std::string kBomb{
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\xf5\x4f\x6d\x06\x7f"
    "\xa0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x80\xd7\x00\x7b\x58\xe0\x5c\x40\x0d\x03\x00",
    229};

/// Answers one request with the bytes given, whatever it was, and closes.
class OneAnswer {
public:
    explicit OneAnswer(std::string answer, std::chrono::milliseconds pause = 0ms)
        : acceptor_(loop_, {boost::asio::ip::make_address("127.0.0.1"), 0}),
          thread_([this, answer = std::move(answer), pause] {
              boost::system::error_code error;
              tcp::socket socket{loop_};
              acceptor_.accept(socket, error);
              boost::asio::read_until(socket, boost::asio::dynamic_buffer(request_), "\r\n\r\n", error);
              std::this_thread::sleep_for(pause);
              boost::asio::write(socket, boost::asio::buffer(answer), error);
          }) {}
    ~OneAnswer() { join(); }
    OneAnswer(const OneAnswer&) = delete;
    OneAnswer& operator=(const OneAnswer&) = delete;

    std::string url() const { return fmt::format("http://127.0.0.1:{}/path", acceptor_.local_endpoint().port()); }
    const std::string& request() {
        join();
        return request_;
    }

private:
    void join() {
        if (thread_.joinable()) thread_.join();
    }

    boost::asio::io_context loop_;
    tcp::acceptor acceptor_;
    std::string request_;
    std::thread thread_;
};

net::Response fetch(net::Request request) {
    boost::asio::io_context loop;
    net::HttpClient http{loop.get_executor(), {.user_agent = "tally-test"}};
    net::Response response;
    std::exception_ptr failure;
    boost::asio::co_spawn(loop, http.fetch(std::move(request)), [&](std::exception_ptr error, net::Response result) {
        failure = std::move(error);
        response = std::move(result);
    });
    loop.run();
    if (failure) std::rethrow_exception(failure);
    return response;
}

net::Request get(const std::string& url) {
    net::Request request;
    request.url = Secret{url};
    request.timeout = 5s;
    return request;
}

std::string with_body(const std::string& body, const std::string& headers = "") {
    return fmt::format("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n{}", body.size(), headers,
                       body);
}

}  // namespace

TEST_CASE("an answer comes with its status, headers in lower case, and body") {
    OneAnswer server{with_body("hello", "X-Limit:  5 \r\n")};
    const auto response = fetch(get(server.url()));
    CHECK(response.failure == Failure::none);
    CHECK(response.status == 200);
    CHECK(response.body == "hello");
    CHECK(std::find(response.headers.begin(), response.headers.end(),
                    std::pair<std::string, std::string>{"x-limit", "5"}) != response.headers.end());
    CHECK(server.request().starts_with("GET /path HTTP/1.1\r\n"));
}

TEST_CASE("a form is posted with its own type, an empty one too") {
    OneAnswer server{with_body("{}")};
    auto request = get(server.url());
    request.method = "POST";
    request.headers.emplace_back("Content-Type", Secret{"application/x-www-form-urlencoded"});
    CHECK(fetch(std::move(request)).failure == Failure::none);
    CHECK(server.request().starts_with("POST /path HTTP/1.1\r\n"));
    CHECK(server.request().find("Content-Length: 0\r\n") != std::string::npos);
}

TEST_CASE("a redirect is an answer, not an order") {
    OneAnswer elsewhere{with_body("stolen")};
    OneAnswer server{fmt::format("HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
                                 elsewhere.url())};
    const auto response = fetch(get(server.url()));
    CHECK(response.failure == Failure::none);
    CHECK(response.status == 302);
    CHECK(response.body.empty());
    fetch(get(elsewhere.url()));  // nobody had come there
}

TEST_CASE("bodies, unpacked ones too, and headers have limits") {
    OneAnswer large{with_body(std::string(10'000, 'x'))};
    auto request = get(large.url());
    request.body_limit = 9'999;
    CHECK(fetch(std::move(request)).failure == Failure::too_large);

    OneAnswer bomb{with_body(kBomb, "Content-Encoding: gzip\r\n")};
    auto packed = get(bomb.url());
    packed.body_limit = 100'000;
    CHECK(kBomb.size() < 1'000);
    CHECK(fetch(std::move(packed)).failure == Failure::too_large);

    std::string headers;
    for (int i = 0; i < 100; ++i) headers += fmt::format("X-{}: {}\r\n", i, std::string(1'000, 'y'));
    OneAnswer flood{with_body("{}", headers)};
    CHECK(fetch(get(flood.url())).failure == Failure::too_large);
}

TEST_CASE("half an answer, none, and a late one are failures of their own") {
    OneAnswer half{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"};
    CHECK(fetch(get(half.url())).failure == Failure::cut);
    OneAnswer none{""};
    CHECK(fetch(get(none.url())).failure == Failure::cut);
    OneAnswer late{with_body("{}"), 600ms};
    auto request = get(late.url());
    request.timeout = 200ms;
    CHECK(fetch(std::move(request)).failure == Failure::timeout);
    CHECK(fetch(get("http://127.0.0.1:1/")).failure == Failure::connect);
}

TEST_CASE("only the web is spoken") {
    CHECK(fetch(get("file:///etc/passwd")).failure == Failure::other);
    CHECK(fetch(get("gopher://127.0.0.1:1/")).failure == Failure::other);
}
