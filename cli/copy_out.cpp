// SPDX-License-Identifier: Apache-2.0
// libpq directly: libpqxx 6.4 cannot copy from a query.
#include "cli/copy_out.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/postgres/session.hpp"

namespace tally::cli {

namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::string first_line(const char* text) {
    std::string_view line{text};
    if (line.starts_with("ERROR:  ")) line.remove_prefix(8);
    return std::string{line.substr(0, line.find('\n'))};
}

/// The class of a failed statement: a lost connection and a database that is starting or full may pass later.
Error statement_error(PGconn* connection, const PGresult* result) {
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const std::string_view code = state == nullptr ? "" : state;
    const auto message = fmt::format("the database refused the export: {}", first_line(PQerrorMessage(connection)));
    if (PQstatus(connection) == CONNECTION_BAD || code.starts_with("08") || code.starts_with("57"))
        return Error{Fault::unreachable, fmt::format("lost the database: {}", first_line(PQerrorMessage(connection)))};
    if (code.starts_with("53") || code.starts_with("40")) return Error{Fault::temporary, message, "Try again later."};
    if (code == "42501") return Error{Fault::denied, message, "The role needs the rights of tally_reader."};
    if (code == "42P01" || code == "42703")
        return Error{Fault::config, message, "Is this a tally database of this version? See 'tallyctl db status'."};
    return Error{Fault::failed, message};
}

PGconn* connect(const std::string& url) {
    constexpr std::array<const char*, 5> kNames{"dbname", "fallback_application_name", "client_encoding",
                                                "connect_timeout", nullptr};
    const std::array<const char*, 5> values{url.c_str(), "tallyctl", "UTF8", "10", nullptr};
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection{PQconnectdbParams(kNames.data(), values.data(), 1),
                                                            PQfinish};
    if (!connection) throw std::bad_alloc{};
    if (PQstatus(connection.get()) != CONNECTION_OK)
        throw Error{Fault::unreachable,
                    fmt::format("cannot connect to the database {}: {}", postgres::display_url(url),
                                first_line(PQerrorMessage(connection.get()))),
                    "Check 'database.reader_url' and 'database.url' with 'tallyctl config show'."};
    return connection.release();
}

Result execute(PGconn* connection, const std::string& sql, ExecStatusType expected) {
    Result result{PQexec(connection, sql.c_str()), PQclear};
    if (PQresultStatus(result.get()) != expected) throw statement_error(connection, result.get());
    return result;
}

}  // namespace

std::string with_literals(std::string_view select, const std::vector<std::optional<std::string>>& values) {
    std::string sql;
    for (std::size_t at = 0; at < select.size();) {
        const auto dollar = std::min(select.find('$', at), select.size());
        sql += select.substr(at, dollar - at);
        at = dollar;
        if (at == select.size()) break;
        std::size_t number = 0;
        for (++at; at < select.size() && select[at] >= '0' && select[at] <= '9'; ++at)
            number = number * 10 + static_cast<std::size_t>(select[at] - '0');
        if (number == 0 || number > values.size()) throw Error{Fault::internal, "a statement has an unknown parameter"};
        const auto& value = values[number - 1];
        sql += value ? postgres::quote_literal(*value) : "NULL";
    }
    return sql;
}

CopySource::CopySource(const std::string& url) : connection_(connect(url)) {
    // SET LOCAL in one transaction, and nothing in the start-up packet: this also passes a pooling proxy.
    execute(connection_.get(),
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = public; SET LOCAL timezone = "
            "'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL extra_float_digits = 1; SET LOCAL "
            "standard_conforming_strings = on; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = 0; SET "
            "LOCAL idle_in_transaction_session_timeout = 0",
            PGRES_COMMAND_OK);
}

void CopySource::Close::operator()(pg_conn* connection) const noexcept {
    PQfinish(connection);
}

void CopySource::copy(const std::string& select, const std::function<void(std::string_view)>& consume) {
    auto* raw = connection_.get();
    execute(raw, fmt::format("COPY (\n{}\n) TO STDOUT", select), PGRES_COPY_OUT);
    for (;;) {
        char* buffer = nullptr;
        const int size = PQgetCopyData(raw, &buffer, 0);
        const std::unique_ptr<char, decltype(&PQfreemem)> row{buffer, PQfreemem};
        if (size == -1) break;
        if (size < 0) throw statement_error(raw, nullptr);
        consume({buffer, static_cast<std::size_t>(size)});
    }
    // The closing result carries the error of a SELECT that failed half-way; behind it comes the end of the command.
    Result result{PQgetResult(raw), PQclear};
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) throw statement_error(raw, result.get());
    while (result) result.reset(PQgetResult(raw));
}

double CopySource::estimate_rows(const std::string& select) {
    const auto plan = nlohmann::json::parse(value("EXPLAIN (FORMAT JSON) " + select));
    return plan.at(0).at("Plan").at("Plan Rows").get<double>();
}

std::string CopySource::export_snapshot() {
    return value("SELECT pg_export_snapshot()");
}

std::string CopySource::value(const std::string& select) {
    const auto result = execute(connection_.get(), select, PGRES_TUPLES_OK);
    return PQgetvalue(result.get(), 0, 0);
}

}  // namespace tally::cli
