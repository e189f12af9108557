// SPDX-License-Identifier: Apache-2.0
// One connection to PostgreSQL: named statements, transactions, COPY and errors in our own terms.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "common/postgres/value.hpp"

extern "C" {
struct pg_result;
}

namespace tally::postgres {

/// A statement that the database refused. The message is the database's own first line.
class SqlError : public Error {
public:
    SqlError(Fault fault, const std::string& message, std::string sqlstate, std::string hint = {})
        : Error(fault, message, std::move(hint)), sqlstate_(std::move(sqlstate)) {}

    const std::string& sqlstate() const noexcept { return sqlstate_; }
    /// The data is at fault (SQLSTATE class 22, 23 or 54): trying the same rows again gives the same answer.
    bool is_refusal() const noexcept {
        return sqlstate_.starts_with("22") || sqlstate_.starts_with("23") || sqlstate_.starts_with("54");
    }
    /// Another session was in the way (serialization, deadlock, lock time-out): the same transaction may pass now.
    bool is_conflict() const noexcept { return sqlstate_ == "40001" || sqlstate_ == "40P01" || sqlstate_ == "55P03"; }

private:
    std::string sqlstate_;
};

class Result;

/// One row of a result, which it keeps alive; what view() gives is valid as long as the row or its result. Columns are
/// named as in the statement. Every reader without `optional_` throws Error (internal) when the column is NULL.
class Row {
public:
    bool is_null(const char* column) const;
    std::string_view view(const char* column) const;  ///< of a text or JSON; lives as long as the result
    std::string text(const char* column) const { return std::string{view(column)}; }
    std::int64_t integer(const char* column) const;
    double number(const char* column) const;  ///< of a double precision column
    bool boolean(const char* column) const;
    Instant instant(const char* column) const;
    Day day(const char* column) const;
    Bytes bytes(const char* column) const;

    std::optional<std::string> optional_text(const char* column) const;
    std::optional<std::int64_t> optional_integer(const char* column) const;
    std::optional<Instant> optional_instant(const char* column) const;
    std::optional<Day> optional_day(const char* column) const;

private:
    friend class Result;
    Row(std::shared_ptr<const pg_result> result, std::size_t index) : result_(std::move(result)), index_(index) {}
    int column_of(const char* column) const;
    Field field(const char* column) const;
    std::shared_ptr<const pg_result> result_;
    std::size_t index_;
};

/// The rows of one statement. A cheap handle.
class Result {
public:
    std::size_t size() const noexcept;
    bool empty() const noexcept { return size() == 0; }
    std::size_t affected() const noexcept;  ///< rows inserted, updated or deleted
    Row operator[](std::size_t index) const { return {result_, index}; }

    class Iterator {
    public:
        Iterator(const Result& result, std::size_t index) : result_(&result), index_(index) {}
        Row operator*() const { return (*result_)[index_]; }
        Iterator& operator++() {
            ++index_;
            return *this;
        }
        bool operator==(const Iterator& other) const { return index_ == other.index_; }

    private:
        const Result* result_;
        std::size_t index_;
    };
    Iterator begin() const { return {*this, 0}; }
    Iterator end() const { return {*this, size()}; }

private:
    friend class Transaction;
    explicit Result(std::shared_ptr<const pg_result> result) : result_(std::move(result)) {}
    std::shared_ptr<const pg_result> result_;
};

class Session;

/// A statement of sql/queries/ with its parameters.
struct Call {
    std::string_view statement;
    std::vector<Param> params{};
};

/// A transaction; begins with its first statement, in the same round trip; rolled back unless committed. One at a time
/// on a session, which must outlive it.
class Transaction {
public:
    Transaction(Transaction&&) noexcept;
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();

    /// Runs a statement of sql/queries/, prepared on its first use. @throws SqlError, Error (unreachable)
    Result exec(std::string_view statement_name, std::vector<Param> params = {});
    /// The same of several in one round trip. The first that is refused ends the transaction.
    std::vector<Result> exec_all(const std::vector<Call>& calls);
    /// Runs SQL text without parameters; for DDL and settings.
    Result exec_text(const std::string& sql);

    /// COPY … FROM in binary form: `next_row` writes a row, or nothing and returns false at the end.
    void copy(const std::string& table, const std::vector<std::string>& columns,
              const std::function<bool(CopyRow&)>& next_row);

    /// What these statements gave, which go to the server with COMMIT in one round trip.
    std::vector<Result> commit(const std::vector<Call>& calls = {});

private:
    friend class Session;
    struct State;
    explicit Transaction(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

struct Options {
    std::string url;  ///< a libpq URL or key=value text
    std::string application_name = "tally";
    std::string role{};  ///< SET ROLE after connecting; empty: the login's own
    /// The server's limit. Ours is five seconds longer, for a server that hangs; 0: none of both.
    std::chrono::milliseconds statement_timeout{60'000};
    std::chrono::milliseconds lock_timeout{10'000};  ///< 0: none
    std::chrono::seconds connect_timeout{10};        ///< for each address of the URL, and for the settings after it
    /// For sessions whose statements all name the few rows they want by key: planned once and without joins that read
    /// whole tables, whatever the planner believes of sizes.
    bool by_key = false;
};

/// Blocking; used by one thread at a time. A call that misses its time limit throws Error (unreachable) and closes the
/// connection.
class Session {
public:
    /// @throws Error (config) when the URL is malformed, (unreachable) when nobody answers; never with a password
    explicit Session(const Options& options);
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;
    ~Session();

    /// False once the connection is known to be broken; looks whether the server has hung up. Not within a transaction.
    bool is_open() const noexcept;
    Transaction begin();
    Transaction begin_read_only();  ///< one snapshot for all its statements

    /// @throws Error (config) behind a proxy that lends servers by the transaction or statement; nothing is set there.
    /// Error (unreachable) when nobody answers
    static void require_own(const Options& options);

    /// Runs SQL text outside a transaction, for what cannot be in one (CREATE DATABASE).
    void exec_alone(const std::string& sql);

    /// LISTEN. What is notified from now on makes the socket readable, or is found by take_notifications() after
    /// another call: look once before waiting.
    void listen(std::string_view channel);
    int socket() const noexcept;  ///< to wait on, not to read from; -1 when the connection is closed
    /// Whether there were notifications; never waits. @throws Error (unreachable) when the connection is lost
    bool take_notifications();
    /// What ends the statement under way, if there is one: it then fails with SQLSTATE 57014. Any thread may call it,
    /// also after the session has gone.
    std::function<void()> canceller() const;

private:
    friend class Transaction;
    struct State;
    static bool is_kept(const Options& options);
    std::unique_ptr<State> state_;
};

/// The URL for people: "postgresql://user@host:port/database", without password and options.
std::string display_url(const std::string& url);

/// An identifier or a literal, quoted for SQL text.
std::string quote_identifier(std::string_view name);
std::string quote_literal(std::string_view text);

}  // namespace tally::postgres
