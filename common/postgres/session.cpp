// SPDX-License-Identifier: Apache-2.0
// Wraps libpqxx: the only place, beside the private cluster's ping, that names it or libpq.
#include "common/postgres/session.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <pqxx/pqxx>
#include <set>
#include <utility>

#include "common/postgres/statements.hpp"

namespace tally::postgres {

namespace {

constexpr int kRowsAFetch = 2'000;

struct FreeConninfo {
    void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};
using Conninfo = std::unique_ptr<PQconninfoOption, FreeConninfo>;

/// @throws Error (config) without libpq's words: they quote pieces of the URL, which may be pieces of a password.
Conninfo parse_url(const std::string& url) {
    Conninfo parsed{PQconninfoParse(url.c_str(), nullptr)};
    if (!parsed)
        throw Error(Fault::config, "the database URL is malformed",
                    "Write postgresql://user@host:5432/database, and percent-encode special characters of a password.");
    return parsed;
}

std::string option_of(const Conninfo& parsed, std::string_view keyword) {
    for (const auto* option = parsed.get(); option->keyword != nullptr; ++option) {
        if (option->keyword == keyword && option->val != nullptr) return option->val;
    }
    return {};
}

/// The server's first line without its severity ("ERROR:  ").
std::string first_line(std::string_view text) {
    text = text.substr(0, text.find('\n'));
    if (const auto colon = text.find(":  "); colon != std::string_view::npos && colon < 10) text.remove_prefix(colon + 3);
    return std::string{text};
}

Fault fault_of_state(std::string_view state) noexcept {
    if (state == "42501") return Fault::denied;
    if (state == "40001" || state == "40P01" || state == "55P03" || state == "57014") return Fault::temporary;
    if (state.starts_with("53")) return Fault::temporary;                              // no space, memory, connections
    if (state.starts_with("57P") || state.starts_with("08")) return Fault::unreachable;  // shutting down, cut
    if (state.starts_with("42")) return Fault::internal;                               // our statement is wrong
    return Fault::failed;
}

/// Runs libpqxx code and turns its exceptions into ours.
template <class F>
auto translated(F&& work) -> decltype(work()) {
    try {
        return work();
    } catch (const pqxx::broken_connection& error) {
        throw Error(Fault::unreachable, fmt::format("the database connection is lost: {}", first_line(error.what())));
    } catch (const pqxx::sql_error& error) {
        throw SqlError(fault_of_state(error.sqlstate()), first_line(error.what()), error.sqlstate());
    } catch (const pqxx::in_doubt_error& error) {
        throw Error(Fault::unreachable, first_line(error.what()));
    } catch (const pqxx::failure& error) {
        throw Error(Fault::unreachable, first_line(error.what()));
    }
}

/// The keywords that the session adds to the URL.
std::string with_session_options(const Options& options) {
    const auto parsed = parse_url(options.url);
    std::string text;
    const auto add = [&text](std::string_view keyword, std::string_view value) {
        text += fmt::format("{}='", keyword);
        for (const char c : value) {
            if (c == '\'' || c == '\\') text += '\\';
            text += c;
        }
        text += "' ";
    };
    for (const auto* option = parsed.get(); option->keyword != nullptr; ++option) {
        if (option->val != nullptr) add(option->keyword, option->val);
    }
    if (option_of(parsed, "application_name").empty()) add("application_name", options.application_name);
    if (option_of(parsed, "connect_timeout").empty())
        add("connect_timeout", std::to_string(options.connect_timeout.count()));
    return text;
}

}  // namespace

// -- rows -------------------------------------------------------------------------------------------------------------

namespace {

pqxx::field field_of(const pqxx::result& result, std::size_t row, const char* column) {
    const auto number = translated([&] { return result.column_number(column); });
    return result[static_cast<pqxx::result::size_type>(row)][number];
}

std::string_view view_of(const pqxx::field& field) { return {field.c_str(), field.size()}; }

template <class T>
T number_of(std::string_view text, const char* column) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw Error(Fault::internal, fmt::format("column '{}' is no number of this kind: '{}'", column, text));
    return value;
}

}  // namespace

bool Row::is_null(const char* column) const { return field_of(*result_, index_, column).is_null(); }

std::string_view Row::view(const char* column) const {
    const auto field = field_of(*result_, index_, column);
    if (field.is_null()) throw Error(Fault::internal, fmt::format("column '{}' is NULL", column));
    return view_of(field);
}

std::int64_t Row::integer(const char* column) const { return number_of<std::int64_t>(view(column), column); }
double Row::number(const char* column) const { return number_of<double>(view(column), column); }

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

std::size_t Row::columns() const noexcept { return result_->columns(); }

std::optional<std::string_view> Row::at(std::size_t column) const noexcept {
    const auto field =
        (*result_)[static_cast<pqxx::result::size_type>(index_)][static_cast<pqxx::row::size_type>(column)];
    if (field.is_null()) return std::nullopt;
    return view_of(field);
}

std::size_t Result::size() const noexcept { return result_->size(); }
std::size_t Result::affected() const noexcept { return result_->affected_rows(); }

// -- session ----------------------------------------------------------------------------------------------------------

namespace {

/// libpqxx hands notifications to observers; all we want to know is that one came.
class Listener : public pqxx::notification_receiver {
public:
    Listener(pqxx::connection_base& connection, const std::string& channel, bool& came)
        : pqxx::notification_receiver(connection, channel), came_(came) {}
    void operator()(const std::string&, int) override { came_ = true; }

private:
    bool& came_;
};

/// Notices ("relation exists already, skipping") are of no use to anyone here; errors come as exceptions.
class Silence : public pqxx::errorhandler {
public:
    using pqxx::errorhandler::errorhandler;
    bool operator()(const char*) noexcept override { return false; }
};

}  // namespace

struct Session::State {
    explicit State(const std::string& text) : connection(text), silence(connection) {
        // A session that comes back by itself would come back without its role, settings and temporary tables.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
        connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
    }

    const std::string& prepared(std::string_view name) {
        const auto found = prepared_names.find(name);
        if (found != prepared_names.end()) return *found;
        translated([&] { connection.prepare(std::string{name}, statement(name)); });
        return *prepared_names.emplace(name).first;
    }

    pqxx::connection connection;
    Silence silence;
    std::set<std::string, std::less<>> prepared_names;
    bool notified = false;
    std::vector<std::unique_ptr<Listener>> listeners;
};

Session::Session(const Options& options) {
    const auto text = with_session_options(options);
    const auto password = option_of(parse_url(options.url), "password");
    try {
        state_ = std::make_unique<State>(text);
    } catch (const std::exception& error) {
        auto message = first_line(error.what());
        for (std::size_t at = 0; !password.empty() && (at = message.find(password, at)) != std::string::npos; at += 3)
            message.replace(at, password.size(), "***");
        throw Error(Fault::unreachable,
                    fmt::format("cannot connect to the database '{}': {}", display_url(options.url), message),
                    "Check database.url and that PostgreSQL is running and lets this user in.");
    }
    auto settings = fmt::format(
        "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET bytea_output = 'hex'; SET search_path = public, pg_temp; "
        "SET client_min_messages = warning; SET client_encoding = 'UTF8'; SET extra_float_digits = 1; "
        "SET statement_timeout = {}; SET lock_timeout = {};",
        options.statement_timeout.count(), options.lock_timeout.count());
    if (!options.role.empty()) settings += fmt::format(" SET ROLE {};", quote_identifier(options.role));
    exec_alone(settings);
}

Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

bool Session::is_open() const noexcept { return state_->connection.is_open(); }

void Session::exec_alone(const std::string& sql) {
    translated([&] {
        pqxx::nontransaction alone{state_->connection};
        alone.exec(sql);
    });
}

void Session::listen(const std::string& channel) {
    translated([&] {
        state_->listeners.push_back(std::make_unique<Listener>(state_->connection, channel, state_->notified));
    });
}

bool Session::await_notification(std::chrono::milliseconds timeout) {
    state_->notified = false;
    translated([&] {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
        const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(timeout - seconds);
        state_->connection.await_notification(static_cast<long>(seconds.count()), static_cast<long>(rest.count()));
    });
    return state_->notified;
}

// -- transaction ------------------------------------------------------------------------------------------------------

struct Transaction::State {
    State(Session::State& owner, bool read_only) : session(owner) {
        if (read_only)
            work = std::make_unique<
                pqxx::transaction<pqxx::repeatable_read, pqxx::readwrite_policy::read_only>>(owner.connection);
        else
            work = std::make_unique<pqxx::work>(owner.connection);
    }
    Session::State& session;
    std::unique_ptr<pqxx::dbtransaction> work;
};

Transaction Session::begin() {
    return translated([&] { return Transaction{std::make_unique<Transaction::State>(*state_, false)}; });
}

Transaction Session::begin_read_only() {
    return translated([&] { return Transaction{std::make_unique<Transaction::State>(*state_, true)}; });
}

Transaction::Transaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Result Transaction::exec(std::string_view statement_name, const std::vector<Param>& params) {
    const auto& name = state_->session.prepared(statement_name);
    std::vector<const char*> values;
    values.reserve(params.size());
    for (const auto& param : params) values.push_back(param.c_str());
    return Result{std::make_shared<const pqxx::result>(translated([&] {
        return state_->work->exec_prepared(name, pqxx::prepare::make_dynamic_params(values));
    }))};
}

Result Transaction::exec(std::string_view statement_name, std::initializer_list<Param> params) {
    return exec(statement_name, std::vector<Param>(params));
}

Result Transaction::exec_text(const std::string& sql) {
    return Result{std::make_shared<const pqxx::result>(translated([&] { return state_->work->exec(sql); }))};
}

void Transaction::for_each(std::string_view statement_name, const std::vector<Param>& params,
                           const std::function<void(const Row&)>& consume) {
    std::vector<const char*> values;
    values.reserve(params.size());
    for (const auto& param : params) values.push_back(param.c_str());
    translated([&] {
        state_->work->exec_params("DECLARE tally_stream NO SCROLL CURSOR FOR " + statement(statement_name),
                                  pqxx::prepare::make_dynamic_params(values));
    });
    const auto fetch = fmt::format("FETCH {} FROM tally_stream", kRowsAFetch);
    for (;;) {
        const auto rows = exec_text(fetch);
        for (const auto row : rows) consume(row);
        if (rows.size() < kRowsAFetch) break;
    }
    exec_text("CLOSE tally_stream");
}

void Transaction::copy(const std::string& table, const std::vector<std::string>& columns,
                       const std::function<bool(std::vector<Param>&)>& next_row) {
    translated([&] {
        pqxx::stream_to stream{*state_->work, table, columns};
        std::vector<Param> row(columns.size(), Param{std::nullopt});
        std::vector<const char*> fields(columns.size());
        while (next_row(row)) {
            for (std::size_t i = 0; i < row.size(); ++i) fields[i] = row[i].c_str();
            stream << fields;
        }
        stream.complete();
    });
}

void Transaction::commit() {
    translated([&] { state_->work->commit(); });
}

// -- text -------------------------------------------------------------------------------------------------------------

std::string display_url(const std::string& url) {
    const auto parsed = parse_url(url);
    const auto user = option_of(parsed, "user");
    const auto host = option_of(parsed, "host").empty() ? option_of(parsed, "hostaddr") : option_of(parsed, "host");
    const auto port = option_of(parsed, "port");
    const auto database = option_of(parsed, "dbname");
    return fmt::format("postgresql://{}{}{}{}/{}", user.empty() ? "" : user + "@", host, port.empty() ? "" : ":", port,
                       database);
}

std::string quote_identifier(std::string_view name) {
    std::string quoted = "\"";
    for (const char c : name) quoted += c == '"' ? std::string{"\"\""} : std::string{c};
    return quoted + '"';
}

std::string quote_literal(std::string_view text) {
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? std::string{"''"} : std::string{c};
    return quoted + '\'';
}

}  // namespace tally::postgres
