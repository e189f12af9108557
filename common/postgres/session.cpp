// SPDX-License-Identifier: Apache-2.0
// Session over libpq, which is named here only.
#include "common/postgres/session.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <new>
#include <set>

#include "common/postgres/statements.hpp"

namespace tally::postgres {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr auto kGrace = 5s;                      // what the server gets on top of its own statement_timeout
constexpr auto kRollbackLimit = 5s;              // in a destructor; a connection that takes longer is closed
constexpr std::string_view kReadOnly = "25006";  // a standby answers so, and a primary that is no longer one
constexpr auto kSecondSession = 3s;              // a full pool lets a client in and then keeps it waiting
constexpr int kPoolerRounds = 5;
constexpr auto kSlice = 1s;  // see Session::State::wait

/// The first line of libpq's text without "ERROR:" and without line ends.
std::string first_line(std::string text) {
    text = text.substr(0, text.find('\n'));
    for (const auto* prefix : {"ERROR:  ", "FATAL:  ", "PANIC:  "}) {
        if (text.starts_with(prefix)) text = text.substr(8);
    }
    return make_storable(text, 500);
}

Fault fault_of_state(std::string_view state) noexcept {
    if (state.starts_with("40") || state == "55P03" || state == "57014") return Fault::temporary;
    if (state.starts_with("08") || state.starts_with("57P") || state.starts_with("53")) return Fault::unreachable;
    if (state == kReadOnly) return Fault::unreachable;
    if (state == "42501") return Fault::denied;
    return Fault::failed;
}

/// Shorter than a node's lease: a node that sleeps inside a transaction must not keep its locks longer than that.
constexpr std::chrono::seconds kIdleInTransaction{10};

std::string setting(std::string_view name, milliseconds value) {
    return fmt::format("SET {} = {};", name, value.count());
}

/// Parameters as libpq takes them. Points into what it was made from.
struct ParamColumns {
    explicit ParamColumns(const std::vector<Param>& params) {
        for (const auto& param : params) {
            values.push_back(param.data());
            lengths.push_back(static_cast<int>(param.size()));
            formats.push_back(param.is_binary() ? 1 : 0);
        }
    }
    std::vector<const char*> values;
    std::vector<int> lengths, formats;
};

struct ResultFree {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using OwnedResult = std::unique_ptr<PGresult, ResultFree>;

struct ConnectionFree {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};

/// Readable now, be it for data or for the end of the connection.
bool readable(int socket) noexcept {
    pollfd descriptor{.fd = socket, .events = POLLIN, .revents = 0};
    return ::poll(&descriptor, 1, 0) > 0;
}

/// When a call has taken too long.
class Deadline {
public:
    /// @param limit 0: none; keepalives then find a peer that is gone
    explicit Deadline(milliseconds limit) : limit_(limit), end_(std::chrono::steady_clock::now() + limit) {}

    bool none() const noexcept { return limit_ == 0ms; }
    milliseconds limit() const noexcept { return limit_; }
    milliseconds left() const {
        return std::max(0ms, std::chrono::ceil<milliseconds>(end_ - std::chrono::steady_clock::now()));
    }

private:
    milliseconds limit_;
    std::chrono::steady_clock::time_point end_;
};

// A binary COPY begins with its name, no flags and no extension, and ends with a count that no row has.
constexpr std::string_view kCopyHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
constexpr std::int16_t kCopyEnd = -1;
constexpr std::size_t kCopyChunk = 64U << 10U;

}  // namespace

// -- Row and Result ---------------------------------------------------------------------------------------------------

int Row::column_of(const char* column) const {
    // PQfnumber() would copy the name each time, to fold its case.
    const int columns = PQnfields(result_.get());
    for (int number = 0; number < columns; ++number) {
        if (std::strcmp(PQfname(result_.get(), number), column) == 0) return number;
    }
    throw Error(Fault::internal, fmt::format("the statement has no column '{}'", column));
}

bool Row::is_null(const char* column) const {
    return PQgetisnull(result_.get(), static_cast<int>(index_), column_of(column)) != 0;
}

Field Row::field(const char* column) const {
    const int row = static_cast<int>(index_), number = column_of(column);
    if (PQgetisnull(result_.get(), row, number) != 0)
        throw Error(Fault::internal, fmt::format("column '{}' is NULL", column));
    return {.column = column,
            .type = PQfformat(result_.get(), number) == 1 ? Type{PQftype(result_.get(), number)} : Type::as_text,
            .data = {PQgetvalue(result_.get(), row, number),
                     static_cast<std::size_t>(PQgetlength(result_.get(), row, number))}};
}

std::string_view Row::view(const char* column) const {
    return field(column).text();
}
std::int64_t Row::integer(const char* column) const {
    return field(column).integer();
}
double Row::number(const char* column) const {
    return field(column).number();
}
bool Row::boolean(const char* column) const {
    return field(column).boolean();
}
Instant Row::instant(const char* column) const {
    return field(column).instant();
}
Day Row::day(const char* column) const {
    return field(column).day();
}
Bytes Row::bytes(const char* column) const {
    return field(column).bytes();
}

std::optional<std::string> Row::optional_text(const char* column) const {
    return is_null(column) ? std::nullopt : std::optional{text(column)};
}
std::optional<std::int64_t> Row::optional_integer(const char* column) const {
    return is_null(column) ? std::nullopt : std::optional{integer(column)};
}
std::optional<Instant> Row::optional_instant(const char* column) const {
    return is_null(column) ? std::nullopt : std::optional{instant(column)};
}
std::optional<Day> Row::optional_day(const char* column) const {
    return is_null(column) ? std::nullopt : std::optional{day(column)};
}

std::size_t Result::size() const noexcept {
    return static_cast<std::size_t>(PQntuples(result_.get()));
}

std::size_t Result::affected() const noexcept {
    const std::string_view text = PQcmdTuples(const_cast<PGresult*>(result_.get()));  // libpq's signature lacks const
    std::size_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
}

// -- Session ----------------------------------------------------------------------------------------------------------

/// The connection never blocks by itself: what is sent and what comes is waited for here, with a deadline. A connection
/// that missed one is closed, because its answer may still come.
struct Session::State {
    explicit State(const Options& options);

    std::unique_ptr<PGconn, ConnectionFree> connection;
    std::set<std::string, std::less<>> prepared;
    milliseconds limit;  // of one call; 0: none

    OwnedResult run(const std::string& sql, std::optional<milliseconds> own_limit = std::nullopt) {
        const Deadline deadline{own_limit.value_or(limit)};
        return answer(PQsendQuery(connection.get(), sql.c_str()) == 1, deadline);
    }

    /// What may be sent at once with others: SQL text, or a prepared statement to prepare or to run.
    struct Message {
        enum class Kind { text, prepare, run } kind;
        std::string name;  // of the statement, or the text
        const std::vector<Param>* params = nullptr;
    };
    std::vector<OwnedResult> pipeline(const std::vector<Message>& messages);
    bool send(const Message& message);

    OwnedResult answer(bool sent, const Deadline& deadline);
    OwnedResult next_result(const Deadline& deadline);
    OwnedResult next_answer(const Deadline& deadline);
    OwnedResult checked(OwnedResult result);
    void put_copy(const std::string& chunk, const Deadline& deadline);
    void flush(const Deadline& deadline);
    void wait(short events, const Deadline& deadline);
    void roll_back() noexcept;
    void abandon_copy() noexcept;
    int backend();  ///< the process that answers, as it says itself
    Error lost() const;
    [[noreturn]] void give_up();  ///< closes what cannot be trusted any more
};

Error Session::State::lost() const {
    if (!connection) return Error{Fault::unreachable, "the database connection is closed"};
    return Error{Fault::unreachable,
                 "the database connection is lost: " + first_line(PQerrorMessage(connection.get()))};
}

void Session::State::give_up() {
    auto error = lost();
    connection.reset();
    throw error;
}

/// Waits until the socket is ready. TLS may hold bytes back that the socket no longer shows, so nobody sleeps longer
/// than a slice before looking again. @throws Error (unreachable) at the deadline, and closes the connection
void Session::State::wait(short events, const Deadline& deadline) {
    pollfd descriptor{.fd = PQsocket(connection.get()), .events = events, .revents = 0};
    const milliseconds slice = deadline.none() ? milliseconds{kSlice} : std::min<milliseconds>(kSlice, deadline.left());
    if (::poll(&descriptor, 1, static_cast<int>(slice.count())) != 0) return;
    if (deadline.none() || deadline.left() > 0ms) return;
    connection.reset();
    throw Error(Fault::unreachable,
                fmt::format("the database does not answer within {}", render_duration(deadline.limit())),
                "See whether the server hangs, is overloaded, or a network drops its packets.");
}

/// Until all is sent. What the server says meanwhile is read, or both sides could wait for each other. A broken
/// connection shows when its answer is read.
void Session::State::flush(const Deadline& deadline) {
    while (PQflush(connection.get()) == 1) {
        wait(POLLIN | POLLOUT, deadline);
        if (PQconsumeInput(connection.get()) == 0) return;
    }
}

/// Null at the end of an answer.
OwnedResult Session::State::next_result(const Deadline& deadline) {
    while (PQisBusy(connection.get()) != 0) {
        wait(POLLIN, deadline);
        if (PQconsumeInput(connection.get()) == 0) break;  // the next result says why
    }
    return OwnedResult{PQgetResult(connection.get())};
}

/// The answer to one command: the first result that is an error, else the last. Null when there is none.
OwnedResult Session::State::next_answer(const Deadline& deadline) {
    OwnedResult kept;
    while (auto next = next_result(deadline)) {
        const auto status = PQresultStatus(next.get());
        if (!kept || PQresultStatus(kept.get()) != PGRES_FATAL_ERROR) kept = std::move(next);
        if (status == PGRES_COPY_IN || PQstatus(connection.get()) == CONNECTION_BAD) break;
    }
    return kept;
}

/// The answer to what was sent. @throws SqlError, Error (unreachable)
OwnedResult Session::State::answer(bool sent, const Deadline& deadline) {
    if (!sent) throw lost();
    flush(deadline);
    return checked(next_answer(deadline));
}

bool Session::State::send(const Message& message) {
    auto* to = connection.get();
    switch (message.kind) {
        case Message::Kind::text:
            return PQsendQueryParams(to, message.name.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 1;
        case Message::Kind::prepare:
            return PQsendPrepare(to, message.name.c_str(), statement(message.name).c_str(), 0, nullptr) == 1;
        case Message::Kind::run: {
            const ParamColumns columns{*message.params};
            return PQsendQueryPrepared(to, message.name.c_str(), static_cast<int>(columns.values.size()),
                                       columns.values.data(), columns.lengths.data(), columns.formats.data(), 1) == 1;
        }
    }
    return false;
}

/// Sends all of them and then reads their answers: one round trip. Each answer has the whole time limit. The server
/// runs nothing behind the first that fails, and its error is thrown. @throws SqlError, Error (unreachable)
std::vector<OwnedResult> Session::State::pipeline(const std::vector<Message>& messages) {
    auto* to = connection.get();
    bool sent = to != nullptr && PQenterPipelineMode(to) == 1;
    for (const auto& message : messages) sent = sent && send(message);
    if (!sent || PQpipelineSync(to) != 1) give_up();
    flush(Deadline{limit});
    std::vector<OwnedResult> answers;
    OwnedResult failure;
    for (const auto& message : messages) {
        auto next = next_answer(Deadline{limit});
        if (PQstatus(to) == CONNECTION_BAD || !next) give_up();
        const auto status = PQresultStatus(next.get());
        const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
        if (good && message.kind == Message::Kind::prepare) prepared.insert(message.name);
        if (!good && !failure) failure = std::move(next);
        if (message.kind != Message::Kind::prepare) answers.push_back(std::move(next));
    }
    const auto end = next_result(Deadline{limit});
    if (!end || PQresultStatus(end.get()) != PGRES_PIPELINE_SYNC || PQexitPipelineMode(to) != 1) give_up();
    if (failure) checked(std::move(failure));
    return answers;
}

/// The result when it is a good one. @throws SqlError, or Error (unreachable) when the connection broke
OwnedResult Session::State::checked(OwnedResult result) {
    if (!result) throw lost();
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN) return result;
    const auto* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    const auto message = first_line(PQresultErrorMessage(result.get()));
    if (PQstatus(connection.get()) == CONNECTION_BAD || state == nullptr)
        throw Error(Fault::unreachable, "the database connection is lost: " + message);
    SqlError error{fault_of_state(state), "database: " + message, state};
    // After a failover the name may lead to another server than this connection does.
    if (error.sqlstate() == kReadOnly) connection.reset();
    throw error;
}

int Session::State::backend() {
    const auto result = run("SELECT pg_backend_pid()");
    return std::stoi(PQgetvalue(result.get(), 0, 0));
}

void Session::State::put_copy(const std::string& chunk, const Deadline& deadline) {
    if (PQputCopyData(connection.get(), chunk.data(), static_cast<int>(chunk.size())) != 1) throw lost();
    flush(deadline);
}

/// Leaves the connection as good as new, or closed.
void Session::State::roll_back() noexcept {
    if (!connection) return;
    try {
        run("ROLLBACK", kRollbackLimit);
    } catch (const std::exception&) {
        connection.reset();
    }
    if (PQtransactionStatus(connection.get()) != PQTRANS_IDLE) connection.reset();
}

void Session::State::abandon_copy() noexcept {
    if (!connection) return;
    try {
        answer(PQputCopyEnd(connection.get(), "the rows end early") == 1, Deadline{kRollbackLimit});
    } catch (const SqlError&) {  // the server's word that it has stopped, or why it did
    } catch (const std::exception&) {
        connection.reset();
    }
}

namespace {

/// libpq's own errors may repeat the URL with its password, so the URL is checked before it is used.
void check_url(const std::string& url) {
    char* words = nullptr;
    auto* parsed = PQconninfoParse(url.c_str(), &words);
    PQfreemem(words);
    if (parsed == nullptr)
        throw Error(Fault::config, "database.url is no PostgreSQL URL",
                    "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE or host=… dbname=….");
    PQconninfoFree(parsed);
}

/// Blocks for at most connect_timeout for each address that the URL has, the next host of a list is tried then. A peer
/// that is gone without a word is found within 25 seconds, also by calls without a limit; a URL may say otherwise.
PGconn* connect(const Options& options) {
    const auto timeout = std::to_string(options.connect_timeout.count());
    const std::array<const char*, 8> names{
        "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
        "dbname",          "connect_timeout",     "application_name", nullptr};
    const std::array<const char*, 8> values{
        "10", "5", "3", "25000", options.url.c_str(), timeout.c_str(), options.application_name.c_str(), nullptr};
    return PQconnectdbParams(names.data(), values.data(), 1);
}

}  // namespace

/// A connection as the server makes it, without any setting. Its calls have the time limit of connecting.
Session::State::State(const Options& options) : limit(options.connect_timeout) {
    check_url(options.url);
    connection.reset(connect(options));
    if (!connection) throw std::bad_alloc();
    if (PQstatus(connection.get()) != CONNECTION_OK)
        throw Error(Fault::unreachable,
                    fmt::format("cannot connect to the database {}: {}", display_url(options.url),
                                first_line(PQerrorMessage(connection.get()))),
                    "Check that PostgreSQL runs there and that database.url is right.");
    if (PQsetnonblocking(connection.get(), 1) != 0) throw lost();
    PQsetErrorVerbosity(connection.get(), PQERRORS_TERSE);
    PQsetNoticeProcessor(
        connection.get(), [](void*, const char*) {}, nullptr);  // libpq would print them
}

Session::Session(const Options& options) : state_(std::make_unique<State>(options)) {
    state_->run(
        "SET client_min_messages = warning; SET client_encoding = 'UTF8'; SET timezone = 'UTC';"
        "SET datestyle = 'ISO, YMD'; SET extra_float_digits = 1; SET search_path = public;" +
        setting("statement_timeout", options.statement_timeout) + setting("lock_timeout", options.lock_timeout) +
        setting("idle_in_transaction_session_timeout", kIdleInTransaction));
    if (options.by_key)
        state_->run(
            "SET plan_cache_mode = force_generic_plan; SET enable_hashjoin = off; SET enable_mergejoin = off; SET "
            "enable_seqscan = off");
    else  // a plan that is kept was made for tables as small as they were then, and filters that may be absent want
          // their own
        state_->run("SET plan_cache_mode = force_custom_plan");
    if (!options.role.empty()) state_->run("SET ROLE " + quote_identifier(options.role));
    state_->limit = options.statement_timeout == 0ms ? 0ms : options.statement_timeout + kGrace;
}

Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

bool Session::is_open() const noexcept {
    auto* connection = state_->connection.get();
    if (PQstatus(connection) != CONNECTION_OK) return false;
    // A server that hangs up says why and closes: two things to read.
    for (int i = 0; i < 2 && readable(PQsocket(connection)); ++i) {
        if (PQconsumeInput(connection) == 0) return false;
    }
    return true;
}

/// Nothing is set and no transaction begun on the way: behind a pooler that would stay with somebody else's session.
bool Session::is_kept(const Options& options) {
    State first{options};
    // A pooler invents the process it names to its clients, because it has none for each.
    const int told = PQbackendPID(first.connection.get());
    const int held = first.backend();
    if (held == told) return true;
    // With sessions of their own the two never share a process, and never change it. A pooler takes the one that was
    // idle for the shortest or for the longest time: it gives the second what the first has just used, or the first
    // another one. Other clients may come in between, hence the rounds.
    auto second_options = options;
    second_options.connect_timeout = std::min<std::chrono::seconds>(options.connect_timeout, kSecondSession);
    std::optional<State> second;
    try {
        second.emplace(second_options);
        for (int round = 0; round < kPoolerRounds; ++round) {
            if (second->backend() == held) return false;
            if (first.backend() != held || first.backend() != held) return false;
        }
    } catch (const Error&) {
        // No second session while the first is idle: it is kept for the first.
        return true;
    }
    return true;
}

void Session::require_own(const Options& options) {
    if (is_kept(options)) return;
    throw Error(
        Fault::config,
        fmt::format("database.url ({}) leads to a transaction pooler such as PgBouncer, and tallyd needs sessions of "
                    "its own",
                    display_url(options.url)),
        "Point database.url at PostgreSQL itself, or at a pool with pool_mode=session. Readers may use the pooler: "
        "database.reader_url.");
}

void Session::exec_alone(const std::string& sql) {
    state_->run(sql);
}

void Session::listen(std::string_view channel) {
    state_->run("LISTEN " + quote_identifier(channel));
}

int Session::socket() const noexcept {
    return PQsocket(state_->connection.get());
}

bool Session::take_notifications() {
    if (PQconsumeInput(state_->connection.get()) == 0) throw state_->lost();
    bool any = false;
    while (auto* notification = PQnotifies(state_->connection.get())) {
        PQfreemem(notification);
        any = true;
    }
    return any;
}

std::function<void()> Session::canceller() const {
    const std::shared_ptr<PGcancel> cancel{PQgetCancel(state_->connection.get()), PQfreeCancel};
    return [cancel] {
        std::array<char, 256> error{};
        if (cancel) PQcancel(cancel.get(), error.data(), static_cast<int>(error.size()));
    };
}

// -- Transaction ------------------------------------------------------------------------------------------------------

struct Transaction::State {
    State(Session::State& session_state, const char* begin_text) : session(&session_state), begin(begin_text) {}
    ~State() {
        if (open) session->roll_back();
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    /// BEGIN, when it was not sent yet.
    void start() {
        if (open) return;
        session->run(begin);
        open = true;
    }

    /// One round trip for these statements and, when it was not sent yet, BEGIN before them.
    std::vector<OwnedResult> run(const std::vector<Call>& calls, bool commit) {
        using Message = Session::State::Message;
        std::vector<Message> messages;
        if (!open) messages.push_back({.kind = Message::Kind::text, .name = begin});
        const auto own = messages.size();
        std::set<std::string_view> preparing;
        for (const auto& call : calls) {
            if (!session->prepared.contains(call.statement) && preparing.insert(call.statement).second)
                messages.push_back({.kind = Message::Kind::prepare, .name = std::string{call.statement}});
            messages.push_back(
                {.kind = Message::Kind::run, .name = std::string{call.statement}, .params = &call.params});
        }
        if (commit) messages.push_back({.kind = Message::Kind::text, .name = "COMMIT"});
        open = true;
        auto answers = session->pipeline(messages);
        answers.erase(answers.begin(), answers.begin() + static_cast<std::ptrdiff_t>(own));
        return answers;
    }

    static Result to_result(OwnedResult result) {
        return Result{std::shared_ptr<const pg_result>(result.release(), ResultFree{})};
    }

    Session::State* session;
    std::string begin;
    bool open = false;
};

Transaction Session::begin() {
    return Transaction{std::make_unique<Transaction::State>(*state_, "BEGIN")};
}

Transaction Session::begin_read_only() {
    return Transaction{
        std::make_unique<Transaction::State>(*state_, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")};
}

Transaction::Transaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Result Transaction::exec(std::string_view statement_name, std::vector<Param> params) {
    std::vector<Call> calls;
    calls.push_back({.statement = statement_name, .params = std::move(params)});
    return exec_all(calls).front();
}

std::vector<Result> Transaction::exec_all(const std::vector<Call>& calls) {
    std::vector<Result> results;
    for (auto& answer : state_->run(calls, false)) results.push_back(State::to_result(std::move(answer)));
    return results;
}

std::vector<Result> Transaction::commit(const std::vector<Call>& calls) {
    if (calls.empty() && !state_->open) return {};
    auto answers = state_->run(calls, true);
    state_->open = false;
    // COMMIT of a transaction that had failed answers ROLLBACK and reports no error.
    if (std::string_view{PQcmdStatus(answers.back().get())} != "COMMIT")
        throw Error(Fault::internal, "the transaction had failed before its commit");
    answers.pop_back();
    std::vector<Result> results;
    for (auto& answer : answers) results.push_back(State::to_result(std::move(answer)));
    return results;
}

Result Transaction::exec_text(const std::string& sql) {
    state_->start();
    return State::to_result(state_->session->run(sql));
}

void Transaction::copy(const std::string& table, const std::vector<std::string>& columns,
                       const std::function<bool(CopyRow&)>& next_row) {
    auto& session = *state_->session;
    state_->start();
    std::string names;
    for (const auto& column : columns) names += (names.empty() ? "" : ", ") + quote_identifier(column);
    const Deadline deadline{session.limit};
    session.run(fmt::format("COPY {} ({}) FROM STDIN BINARY", quote_identifier(table), names));
    std::string chunk{kCopyHeader};
    const auto write_row = [&] {
        const auto begin = chunk.size();
        append_big_endian(chunk, static_cast<std::int16_t>(columns.size()));
        CopyRow row{chunk};
        if (next_row(row)) {
            if (row.columns() != columns.size())
                throw Error(Fault::internal, fmt::format("a row for {} has {} columns instead of {}", table,
                                                         row.columns(), columns.size()));
            return true;
        }
        chunk.resize(begin);
        return false;
    };
    try {
        while (write_row()) {
            if (chunk.size() < kCopyChunk) continue;
            session.put_copy(chunk, deadline);
            chunk.clear();
        }
        append_big_endian(chunk, kCopyEnd);
        session.put_copy(chunk, deadline);
    } catch (...) {
        session.abandon_copy();
        throw;
    }
    session.answer(PQputCopyEnd(session.connection.get(), nullptr) == 1, deadline);
}

// -- Texts ------------------------------------------------------------------------------------------------------------

std::string display_url(const std::string& url) {
    char* words = nullptr;
    auto* parsed = PQconninfoParse(url.c_str(), &words);
    if (parsed == nullptr) {
        PQfreemem(words);
        return "(malformed URL)";
    }
    std::string user, host, port, database;
    for (const auto* option = parsed; option->keyword != nullptr; ++option) {
        if (option->val == nullptr) continue;
        const std::string_view keyword = option->keyword;
        if (keyword == "user") user = option->val;
        if (keyword == "host" || (keyword == "hostaddr" && host.empty())) host = option->val;
        if (keyword == "port") port = option->val;
        if (keyword == "dbname") database = option->val;
    }
    PQconninfoFree(parsed);
    return fmt::format("postgresql://{}{}{}{}{}/{}", user, user.empty() ? "" : "@", host, port.empty() ? "" : ":", port,
                       database);
}

std::string quote_identifier(std::string_view name) {
    std::string quoted = "\"";
    for (const char c : name) quoted += c == '"' ? std::string{"\"\""} : std::string(1, c);
    return quoted + "\"";
}

std::string quote_literal(std::string_view text) {
    // The E form with doubled backslashes means the same whatever standard_conforming_strings says.
    std::string quoted = "E'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') quoted += c;
        quoted += c;
    }
    return quoted + "'";
}

}  // namespace tally::postgres
