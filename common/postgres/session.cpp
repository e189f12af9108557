// SPDX-License-Identifier: Apache-2.0
// Session over libpq, which is named here only.
#include "common/postgres/session.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <new>
#include <set>

#include "common/postgres/statements.hpp"

namespace tally::postgres {

namespace {

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
    if (state == "42501") return Fault::denied;
    return Fault::failed;
}

std::string setting(std::string_view name, std::chrono::milliseconds value) {
    return fmt::format("SET {} = {};", name, value.count());
}

std::vector<const char*> pointers(const std::vector<Param>& params) {
    std::vector<const char*> result;
    result.reserve(params.size());
    for (const auto& param : params) result.push_back(param.c_str());
    return result;
}

struct ResultFree {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using OwnedResult = std::unique_ptr<PGresult, ResultFree>;

struct ConnectionFree {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};

/// The result when it is a good one. @throws SqlError, or Error (unreachable) when the connection broke
OwnedResult checked(PGconn* connection, PGresult* raw) {
    OwnedResult result{raw};
    const auto status = PQresultStatus(raw);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN) return result;
    const auto* state = raw != nullptr ? PQresultErrorField(raw, PG_DIAG_SQLSTATE) : nullptr;
    const std::string message = raw != nullptr ? PQresultErrorMessage(raw) : PQerrorMessage(connection);
    if (PQstatus(connection) == CONNECTION_BAD || state == nullptr)
        throw Error(Fault::unreachable, "the database connection is lost: " + first_line(message));
    throw SqlError(fault_of_state(state), "database: " + first_line(message), state);
}

/// One field in COPY's text form.
void append_copy_field(std::string& line, const std::optional<std::string>& value) {
    if (!value) {
        line += "\\N";
        return;
    }
    for (const char c : *value) {
        switch (c) {
            case '\\':
                line += "\\\\";
                break;
            case '\n':
                line += "\\n";
                break;
            case '\r':
                line += "\\r";
                break;
            case '\t':
                line += "\\t";
                break;
            default:
                line += c;
        }
    }
}

constexpr std::size_t kCopyChunk = 64U << 10U;

}  // namespace

// -- Row and Result ---------------------------------------------------------------------------------------------------

int Row::column_of(const char* column) const {
    const int number = PQfnumber(result_.get(), column);
    if (number < 0) throw Error(Fault::internal, fmt::format("the statement has no column '{}'", column));
    return number;
}

bool Row::is_null(const char* column) const {
    return PQgetisnull(result_.get(), static_cast<int>(index_), column_of(column)) != 0;
}

std::string_view Row::view(const char* column) const {
    const int row = static_cast<int>(index_), number = column_of(column);
    if (PQgetisnull(result_.get(), row, number) != 0)
        throw Error(Fault::internal, fmt::format("column '{}' is NULL", column));
    return {PQgetvalue(result_.get(), row, number), static_cast<std::size_t>(PQgetlength(result_.get(), row, number))};
}

std::int64_t Row::integer(const char* column) const {
    const auto text = view(column);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw Error(Fault::internal, fmt::format("column '{}' is no whole number", column));
    return value;
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

struct Session::State {
    std::unique_ptr<PGconn, ConnectionFree> connection;
    std::set<std::string, std::less<>> prepared;

    OwnedResult run(const std::string& sql) const {
        return checked(connection.get(), PQexec(connection.get(), sql.c_str()));
    }
};

Session::Session(const Options& options) : state_(std::make_unique<State>()) {
    // libpq's own errors may repeat the URL with its password, so the URL is checked before it is used.
    char* words = nullptr;
    auto* parsed = PQconninfoParse(options.url.c_str(), &words);
    if (parsed == nullptr) {
        PQfreemem(words);
        throw Error(Fault::config, "database.url is no PostgreSQL URL",
                    "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE or host=… dbname=….");
    }
    PQconninfoFree(parsed);
    const auto timeout = std::to_string(options.connect_timeout.count());
    const std::array<const char*, 4> names{"dbname", "connect_timeout", "application_name", nullptr};
    const std::array<const char*, 4> values{options.url.c_str(), timeout.c_str(), options.application_name.c_str(),
                                            nullptr};
    state_->connection.reset(PQconnectdbParams(names.data(), values.data(), 1));
    if (!state_->connection) throw std::bad_alloc();
    auto* connection = state_->connection.get();
    if (PQstatus(connection) != CONNECTION_OK)
        throw Error(Fault::unreachable,
                    fmt::format("cannot connect to the database {}: {}", display_url(options.url),
                                first_line(PQerrorMessage(connection))),
                    "Check that PostgreSQL runs there and that database.url is right.");
    PQsetErrorVerbosity(connection, PQERRORS_TERSE);
    state_->run(
        "SET client_min_messages = warning; SET client_encoding = 'UTF8'; SET timezone = 'UTC';"
        "SET datestyle = 'ISO, YMD'; SET extra_float_digits = 1; SET search_path = public;" +
        setting("statement_timeout", options.statement_timeout) + setting("lock_timeout", options.lock_timeout));
    if (!options.role.empty()) state_->run("SET ROLE " + quote_identifier(options.role));
}

Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

bool Session::is_open() const noexcept {
    return PQstatus(state_->connection.get()) == CONNECTION_OK;
}

void Session::exec_alone(const std::string& sql) {
    state_->run(sql);
}

// -- Transaction ------------------------------------------------------------------------------------------------------

struct Transaction::State {
    State(Session::State& session_state, const char* begin) : session(&session_state) { session->run(begin); }
    ~State() {
        if (open) PQclear(PQexec(session->connection.get(), "ROLLBACK"));
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    Session::State* session;
    bool open = true;
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

Result Transaction::exec(std::string_view statement_name, std::initializer_list<Param> params) {
    return exec(statement_name, std::vector<Param>(params));
}

Result Transaction::exec(std::string_view statement_name, const std::vector<Param>& params) {
    auto& session = *state_->session;
    auto* connection = session.connection.get();
    const std::string name{statement_name};
    if (!session.prepared.contains(name)) {
        checked(connection, PQprepare(connection, name.c_str(), statement(statement_name).c_str(), 0, nullptr));
        session.prepared.insert(name);
    }
    const auto values = pointers(params);
    auto result = checked(connection, PQexecPrepared(connection, name.c_str(), static_cast<int>(values.size()),
                                                     values.data(), nullptr, nullptr, 0));
    return Result{std::shared_ptr<const pg_result>(result.release(), ResultFree{})};
}

Result Transaction::exec_text(const std::string& sql) {
    auto result = state_->session->run(sql);
    return Result{std::shared_ptr<const pg_result>(result.release(), ResultFree{})};
}

void Transaction::copy(const std::string& table, const std::vector<std::string>& columns,
                       const std::function<bool(std::vector<Param>&)>& next_row) {
    auto* connection = state_->session->connection.get();
    std::string names;
    for (const auto& column : columns) names += (names.empty() ? "" : ", ") + quote_identifier(column);
    state_->session->run(fmt::format("COPY {} ({}) FROM STDIN", quote_identifier(table), names));
    std::string chunk;
    const auto send = [&] {
        if (PQputCopyData(connection, chunk.data(), static_cast<int>(chunk.size())) != 1)
            throw Error(Fault::unreachable,
                        "the database connection is lost: " + first_line(PQerrorMessage(connection)));
        chunk.clear();
    };
    std::vector<Param> row(columns.size(), Param{std::nullopt});
    try {
        while (next_row(row)) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                if (i > 0) chunk += '\t';
                append_copy_field(chunk, row[i].text());
            }
            chunk += '\n';
            if (chunk.size() >= kCopyChunk) send();
        }
        send();
    } catch (...) {
        PQputCopyEnd(connection, "the rows end early");
        while (auto* result = PQgetResult(connection)) PQclear(result);
        throw;
    }
    if (PQputCopyEnd(connection, nullptr) != 1)
        throw Error(Fault::unreachable, "the database connection is lost: " + first_line(PQerrorMessage(connection)));
    OwnedResult last{PQgetResult(connection)};
    while (auto* more = PQgetResult(connection)) PQclear(more);
    checked(connection, last.release());
}

void Transaction::commit() {
    state_->open = false;
    const auto result = state_->session->run("COMMIT");
    // COMMIT of a transaction that had failed answers ROLLBACK and reports no error.
    if (std::string_view{PQcmdStatus(result.get())} != "COMMIT")
        throw Error(Fault::internal, "the transaction had failed before its commit");
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
