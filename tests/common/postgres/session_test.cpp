// SPDX-License-Identifier: Apache-2.0
// Sessions against servers that hang, go away or change their mind.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>

#include "common/postgres/pool.hpp"
#include "tests/support/database.hpp"

using namespace tally;
using namespace std::chrono_literals;

namespace {

/// Serves one client on a port of 127.0.0.1 and then keeps the connection open, silently.
class TinyServer {
public:
    explicit TinyServer(std::function<void(int)> serve) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(listener_, 4) == 0);
        REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread{[this, run = std::move(serve)] {
            client_ = ::accept(listener_, nullptr, nullptr);
            if (client_ >= 0) run(client_);
        }};
    }
    ~TinyServer() {
        ::shutdown(listener_, SHUT_RDWR);  // ends an accept; nobody waits for anything else
        thread_.join();
        ::close(listener_);
        if (client_ >= 0) ::close(client_);
    }
    TinyServer(const TinyServer&) = delete;
    TinyServer& operator=(const TinyServer&) = delete;

    std::string url() const {
        return fmt::format("postgresql://me@127.0.0.1:{}/none?sslmode=disable&gssencmode=disable", port_);
    }

private:
    int listener_, client_ = -1, port_ = 0;
    std::thread thread_;
};

/// Bytes of PostgreSQL's protocol: takes the start-up packet, lets everybody in.
void let_in(int socket) {
    char packet[1024];
    CHECK(::recv(socket, packet, sizeof packet, 0) > 0);
    const std::string welcome{"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", 15};
    CHECK(::send(socket, welcome.data(), welcome.size(), 0) == 15);
    CHECK(::recv(socket, packet, sizeof packet, 0) > 0);
}

/// SIGSTOP for as long as this lives.
class Stopped {
public:
    explicit Stopped(pid_t pid) : pid_(pid) { REQUIRE(::kill(pid_, SIGSTOP) == 0); }
    ~Stopped() { ::kill(pid_, SIGCONT); }
    Stopped(const Stopped&) = delete;
    Stopped& operator=(const Stopped&) = delete;

private:
    pid_t pid_;
};

pid_t backend_of(postgres::Session& session) {
    auto transaction = session.begin();
    return static_cast<pid_t>(transaction.exec_text("SELECT pg_backend_pid() AS pid")[0].integer("pid"));
}

std::chrono::milliseconds time_of_failure(const std::function<void()>& call, std::string_view words) {
    const auto start = std::chrono::steady_clock::now();
    try {
        call();
        FAIL("the call succeeded");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::unreachable);
        CHECK(std::string_view{error.what()}.find(words) != std::string_view::npos);
        CAPTURE(error.what());
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

bool readable_soon(int socket) {
    pollfd descriptor{.fd = socket, .events = POLLIN, .revents = 0};
    return ::poll(&descriptor, 1, 5'000) == 1;
}

}  // namespace

TEST_CASE("a server that accepts and stays silent is given up") {
    const TinyServer server{[](int) {}};
    const auto connect = [&] { postgres::Session{{.url = server.url(), .connect_timeout = 2s}}; };
    CHECK(time_of_failure(connect, "cannot connect to the database postgresql://me@127.0.0.1") < 4s);
}

TEST_CASE("a server that stops in the middle of an answer is given up") {
    const TinyServer server{[](int socket) {
        let_in(socket);
        const std::string half{"C\0\0\0\x08SE", 7};
        CHECK(::send(socket, half.data(), half.size(), 0) == 7);
    }};
    const auto connect = [&] { postgres::Session{{.url = server.url(), .connect_timeout = 2s}}; };
    const auto took = time_of_failure(connect, "does not answer within 2s");
    CHECK(took >= 2s);
    CHECK(took < 3s);
}

TEST_CASE("a server that hangs up in the middle of an answer is noticed at once") {
    const TinyServer server{[](int socket) {
        let_in(socket);
        CHECK(::send(socket, "C\0\0\0\x08SE", 7, 0) == 7);
        ::shutdown(socket, SHUT_RDWR);
    }};
    const auto connect = [&] { postgres::Session{{.url = server.url(), .connect_timeout = 10s}}; };
    CHECK(time_of_failure(connect, "connection is lost") < 2s);
}

TEST_CASE("every call to a stopped server ends, and its connection is not used again") {
    const test::Database database;
    database.execute("CREATE TABLE texts (text text)");
    auto options = database.options("");
    options.statement_timeout = 200ms;
    postgres::Session session{options};
    const auto pid = backend_of(session);
    SUBCASE("a statement") {
        auto transaction = session.begin();
        const Stopped stopped{pid};
        CHECK(time_of_failure([&] { transaction.exec("applied_migrations"); }, "does not answer within 5s200ms") < 7s);
        CHECK_FALSE(session.is_open());
        CHECK(time_of_failure([&] { transaction.exec_text("SELECT 1"); }, "connection is closed") < 1s);
        CHECK(time_of_failure([&] { transaction.commit(); }, "connection is closed") < 1s);
    }
    SUBCASE("COPY, also when the server no longer reads") {
        auto transaction = session.begin();
        std::optional<Stopped> stopped;
        const auto copy = [&] {
            transaction.copy("texts", {"text"}, [&](postgres::CopyRow& row) {
                if (!stopped) stopped.emplace(pid);
                row.add_text(std::string(100'000, 'x'));
                return true;
            });
        };
        CHECK(time_of_failure(copy, "does not answer within") < 7s);
        CHECK_FALSE(session.is_open());
    }
    SUBCASE("the rollback in a destructor") {
        std::optional transaction{session.begin()};
        transaction->exec_text("SELECT 1");
        const Stopped stopped{pid};
        const auto start = std::chrono::steady_clock::now();
        transaction.reset();
        CHECK(std::chrono::steady_clock::now() - start < 7s);
        CHECK_FALSE(session.is_open());
    }
}

TEST_CASE("a stopped postmaster lets nobody in, and does not hold us up") {
    const test::Database database;
    auto options = database.options("");
    options.connect_timeout = 2s;
    const auto postmaster =
        std::stoi(database.value("SELECT (regexp_match(pg_read_file('postmaster.pid'), '^\\d+'))[1]"));
    const Stopped stopped{postmaster};
    CHECK(time_of_failure([&] { postgres::Session{options}; }, "cannot connect") < 5s);
}

TEST_CASE("without a limit a call takes what it takes") {
    const test::Database database;
    auto options = database.options("");
    options.statement_timeout = 0ms;
    postgres::Session session{options};
    std::thread later;
    {
        auto transaction = session.begin();
        const auto pid = transaction.exec_text("SELECT pg_backend_pid() AS pid")[0].integer("pid");
        auto stopped = std::make_shared<std::optional<Stopped>>(std::in_place, static_cast<pid_t>(pid));
        later = std::thread{[stopped] {
            std::this_thread::sleep_for(1500ms);
            stopped->reset();
        }};
        CHECK(transaction.exec_text("SELECT 1 AS one")[0].integer("one") == 1);
    }
    later.join();
    CHECK(session.is_open());
}

TEST_CASE("large answers, large parameters and large copies pass") {
    const test::Database database;
    auto session = database.session("");
    session.exec_alone("CREATE TABLE texts (text text)");
    auto transaction = session.begin();
    CHECK(transaction.exec_text("SELECT repeat('x', 1000) AS text FROM generate_series(1, 20000)").size() == 20'000);
    transaction.exec_text("INSERT INTO texts VALUES ('" + std::string(20'000'000, 'y') + "')");
    int left = 50;
    transaction.copy("texts", {"text"}, [&](postgres::CopyRow& row) {
        if (left == 0) return false;
        --left;
        row.add_text(std::string(1'000'000, 'z'));
        return true;
    });
    CHECK(transaction.exec_text("SELECT sum(length(text)) AS sum FROM texts")[0].integer("sum") == 70'000'000);
    transaction.commit();
}

TEST_CASE("several statements go in one round trip, and the first that is refused ends them all") {
    const test::Database database;
    postgres::Session session{database.options("")};
    const auto keys = [&] { return database.value("SELECT count(*) FROM user_keys"); };
    const auto add = [](const char* user) {
        return postgres::Call{.statement = "add_user_key", .params = {user, postgres::Bytes{1, 2}}};
    };
    const auto ask = [](const char* user) { return postgres::Call{.statement = "user_key", .params = {user}}; };
    {
        auto transaction = session.begin();
        const auto results = transaction.exec_all({add("a"), ask("a"), ask("b"), add("b")});
        REQUIRE(results.size() == 4);
        CHECK(results[0].affected() == 1);
        CHECK(results[1].size() == 1);
        CHECK(results[2].empty());
        CHECK(keys() == "0");
        CHECK(transaction.commit({ask("b")}).front().size() == 1);
        CHECK(keys() == "2");
    }
    const postgres::Call wrong{.statement = "note_schedule", .params = {"free", std::nullopt}};
    for (const bool committing : {false, true}) {
        auto transaction = session.begin();
        const auto refused = [&] {
            if (committing) return transaction.commit({add("c"), wrong, add("d")});
            return transaction.exec_all({add("c"), wrong, add("d")});
        };
        CHECK_THROWS_WITH_AS(refused(), doctest::Contains("null value"), postgres::SqlError);
        CHECK_THROWS_AS(transaction.exec("user_key", {"a"}), postgres::SqlError);
    }
    {
        auto transaction = session.begin();  // refused before it is known what it takes
        CHECK_THROWS_AS(transaction.exec_all({{.statement = "coverage_of", .params = {"no array"}}, ask("a")}),
                        postgres::SqlError);
    }
    CHECK(keys() == "2");
    CHECK(session.begin().commit().empty());
    auto transaction = session.begin();
    CHECK(transaction.exec("user_key", {"a"}).size() == 1);
    CHECK(session.is_open());
}

TEST_CASE("a session that works by key goes through the index of a table that was empty when it was analyzed") {
    const test::Database database;
    auto options = database.options("");
    options.by_key = true;
    postgres::Session session{options};
    session.exec_alone("CREATE TABLE keys (key int PRIMARY KEY); ANALYZE keys");
    auto transaction = session.begin();
    const auto plan = transaction.exec_text(
        "EXPLAIN (COSTS off) SELECT k.key FROM generate_series(1, 1000) AS n LEFT JOIN keys k ON k.key = n");
    std::string text;
    for (const auto& row : plan) text += row.text("QUERY PLAN") + "\n";
    INFO(text);
    CHECK(text.find("Index Only Scan using keys_pkey") != std::string::npos);
}

TEST_CASE("the server's refusal of a COPY is told, and the session goes on") {
    const test::Database database;
    auto session = database.session("");
    session.exec_alone("CREATE TABLE numbers (number int)");
    {
        auto transaction = session.begin();
        const auto none = [](postgres::CopyRow&) -> bool { throw std::runtime_error("no more"); };
        CHECK_THROWS_WITH(transaction.copy("numbers", {"number"}, none), "no more");
    }
    {
        auto transaction = session.begin();
        int left = 10;
        const auto some = [&](postgres::CopyRow& row) {
            if (left == 0) return false;
            --left;
            row.add_text("no number");
            return true;
        };
        CHECK_THROWS_AS(transaction.copy("numbers", {"number"}, some), postgres::SqlError);
    }
    {
        auto transaction = session.begin();
        const auto too_many = [&](postgres::CopyRow& row) {
            row.add_int4(1);
            row.add_int4(2);
            return true;
        };
        CHECK_THROWS_WITH(transaction.copy("numbers", {"number"}, too_many),
                          "a row for numbers has 2 columns instead of 1");
    }
    CHECK(session.is_open());
    auto transaction = session.begin();
    CHECK(transaction.exec_text("SELECT count(*) AS count FROM numbers")[0].integer("count") == 0);
}

TEST_CASE("a session that the server ended while it was idle is replaced before anybody fails on it") {
    const test::Database database;
    postgres::Pool pool{database.options(""), 1};
    const auto ended = backend_of(*pool.acquire());
    database.execute(fmt::format("SELECT pg_terminate_backend({}, 5000)", ended));
    const auto lent = pool.acquire();
    CHECK(backend_of(*lent) != ended);
}

TEST_CASE("a server that has become a standby is left") {
    const test::Database database;
    auto session = database.session("");
    session.exec_alone("SET default_transaction_read_only = on");
    {
        auto transaction = session.begin();
        CHECK(time_of_failure([&] { transaction.exec_text("CREATE TABLE t ()"); }, "read-only transaction") < 1s);
    }
    CHECK_FALSE(session.is_open());
}

TEST_CASE("notifications make the socket readable, and are taken without waiting") {
    const test::Database database;
    auto session = database.session();
    session.listen("tally_test");
    CHECK_FALSE(session.take_notifications());
    database.execute("NOTIFY elsewhere");
    database.execute("NOTIFY tally_test, 'one'");
    database.execute("NOTIFY tally_test, 'two'");
    CHECK(readable_soon(session.socket()));
    database.execute("SELECT 1");
    CHECK(session.take_notifications());

    // What comes along with an answer no longer shows on the socket.
    session.take_notifications();
    database.execute("NOTIFY tally_test");
    session.exec_alone("SELECT pg_sleep(0.2)");
    CHECK(session.take_notifications());
    CHECK_FALSE(session.take_notifications());

    const auto pid = backend_of(session);
    database.execute(fmt::format("SELECT pg_terminate_backend({}, 5000)", pid));
    const auto until_lost = [&] {
        for (int i = 0; i < 10 && readable_soon(session.socket()); ++i) session.take_notifications();
    };
    CHECK(time_of_failure(until_lost, "connection is lost") < 5s);
    CHECK_FALSE(session.is_open());
}
