// SPDX-License-Identifier: Apache-2.0
// COPY … TO STDOUT: the fastest way out of PostgreSQL, row by row, in constant memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
struct pg_conn;
}

namespace tally::cli {

/// The SELECT with `$1`, `$2`, … replaced by quoted literals (nullopt: NULL), because COPY takes no parameters. The
/// statement must not have a `$` elsewhere. @throws Error (internal) when a parameter is missing
std::string with_literals(std::string_view select, const std::vector<std::optional<std::string>>& values);

/// One read-only transaction with the time zone UTC, whose statements all see the same snapshot.
/// All calls throw Error (unreachable) when the database is lost, otherwise (failed) in its own words; never with a
/// password.
class CopySource {
public:
    /// @throws Error (unreachable) when nobody answers at `url`
    explicit CopySource(const std::string& url);

    /// Runs one SELECT and hands over each row in COPY's text format, with its newline. The row is valid during the
    /// call only; when `consume` throws, the transfer is given up, and with it the source.
    void copy(const std::string& select, const std::function<void(std::string_view)>& consume);

    /// How many rows the planner expects of the SELECT: quick, and about right.
    double estimate_rows(const std::string& select);

    /// A name by which another session sees the same snapshot: SET TRANSACTION SNAPSHOT. As long as this lives.
    std::string export_snapshot();

private:
    struct Close {
        void operator()(pg_conn* connection) const noexcept;
    };
    std::string value(const std::string& select);  // the one field of the one row
    std::unique_ptr<pg_conn, Close> connection_;
};

}  // namespace tally::cli
