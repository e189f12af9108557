// SPDX-License-Identifier: Apache-2.0
// Errors of the API as exit codes, paths, and a daemon that is not there.
#include "cli/daemon_client.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

using namespace tally;
using namespace tally::cli;

namespace {

/// A directory that goes away with the test.
struct TemporaryDirectory {
    TemporaryDirectory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "tallyctl-test-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

/// Answers exactly one connection with a fixed text and keeps what it was asked.
class OneAnswer {
public:
    OneAnswer(const std::string& path, std::string answer) : listener_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, 1) == 0);
        thread_ = std::thread{[this, text = std::move(answer)] {
            const int peer = ::accept(listener_, nullptr, nullptr);
            char buffer[4096];
            // The requests of these tests are complete once their end marker, or the empty line, has come.
            while (asked.find(end_marker) == std::string::npos) {
                const auto count = ::read(peer, buffer, sizeof buffer);
                if (count <= 0) break;
                asked.append(buffer, static_cast<std::size_t>(count));
            }
            [[maybe_unused]] const auto sent = ::write(peer, text.data(), text.size());
            ::close(peer);
        }};
    }
    ~OneAnswer() {
        join();
        ::close(listener_);
    }
    OneAnswer(const OneAnswer&) = delete;
    OneAnswer& operator=(const OneAnswer&) = delete;
    void join() {
        if (thread_.joinable()) thread_.join();
    }
    std::string asked;
    static constexpr const char* end_marker = "\r\n\r\n";

private:
    int listener_;
    std::thread thread_;
};

std::string http(const std::string& status, const std::string& body) {
    return "HTTP/1.1 " + status +
           "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n\r\n" + body;
}

Error failure(DaemonClient& client) {
    try {
        client.get("/api/internal/status");
    } catch (const Error& error) {
        return error;
    }
    FAIL("the request succeeded");
    return Error{Fault::internal, ""};
}

}  // namespace

TEST_CASE("an API error keeps its words and gets its exit code") {
    const auto error =
        api_error(404, R"({"success":false,"error":{"code":"not_found","message":"no user 'x'","hint":"See."}})");
    CHECK(std::string{error.what()} == "no user 'x'");
    CHECK(error.hint() == "See.");
    const std::pair<int, int> codes[] = {{400, 64}, {401, 77}, {403, 77}, {404, 1},  {409, 1},
                                         {422, 1},  {413, 1},  {429, 75}, {503, 75}, {500, 70}};
    for (const auto& [status, code] : codes) {
        CAPTURE(status);
        CHECK(exit_code(api_error(status, "{}").fault()) == code);
    }
    for (const auto* body : {"", "no JSON", "[]", R"({"error":"text"})", R"({"error":{"message":7}})"})
        CHECK(std::string{api_error(500, body).what()} == "tallyd answered with HTTP status 500");
}

TEST_CASE("names are encoded in paths and queries") {
    CHECK(api_path({"users", "a/b c", "connections", "x", "\xC3\xAB"}) ==
          "/api/internal/users/a%2Fb%20c/connections/x/%C3%AB");
    CHECK_THROWS_AS(api_path({"users", ""}), Error);
    CHECK(with_query("/p", {{"user", "a&b"}, {"state", ""}, {"limit", "5"}}) == "/p?user=a%26b&limit=5");
    CHECK(with_query("/p", {{"state", ""}}) == "/p");
}

TEST_CASE("no daemon: exit 69 and how to start it") {
    const TemporaryDirectory directory;
    const auto socket = (directory.path / "tallyd.sock").string();
    DaemonClient client{socket};
    const auto error = failure(client);
    CHECK(exit_code(error.fault()) == 69);
    CHECK(std::string{error.what()} == "tallyd is not running (socket \"" + socket + "\")");
    CHECK(error.hint().find("systemctl start tallyd") != std::string::npos);
}

TEST_CASE("an answer over the socket") {
    const TemporaryDirectory directory;
    const auto socket = (directory.path / "s").string();
    OneAnswer daemon{socket, http("200 OK", R"({"success":true,"data":{"a":1}})")};
    DaemonClient client{socket};
    CHECK(client.get("/api/internal/status")["a"] == 1);
    daemon.join();
    CHECK(daemon.asked.starts_with("GET /api/internal/status HTTP/1.1\r\n"));
}

TEST_CASE("a body is sent with its type and its method") {
    const TemporaryDirectory directory;
    const auto socket = (directory.path / "s").string();
    OneAnswer daemon{socket, http("201 Created", R"({"success":true})")};
    DaemonClient client{socket};
    client.request("PUT", "/api/internal/users/u", Secret{"{}"});
    daemon.join();
    CHECK(daemon.asked.starts_with("PUT /api/internal/users/u HTTP/1.1\r\n"));
    CHECK(daemon.asked.find("Content-Type: application/json\r\n") != std::string::npos);
    CHECK(daemon.asked.find("Content-Length: 2\r\n") != std::string::npos);
    CHECK(daemon.asked.find("Expect:") == std::string::npos);
}

TEST_CASE("an answer that is none") {
    const TemporaryDirectory directory;
    const auto socket = (directory.path / "s").string();
    SUBCASE("an error of the API") {
        OneAnswer daemon{
            socket, http("503 Service Unavailable", R"({"success":false,"error":{"code":"busy","message":"busy"}})")};
        DaemonClient client{socket};
        CHECK(failure(client).fault() == Fault::temporary);
    }
    SUBCASE("no JSON") {
        OneAnswer daemon{socket, http("200 OK", "<html>")};
        DaemonClient client{socket};
        CHECK(failure(client).fault() == Fault::internal);
    }
    SUBCASE("cut off") {
        OneAnswer daemon{socket, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"};
        DaemonClient client{socket};
        CHECK(failure(client).fault() == Fault::unreachable);
    }
}
