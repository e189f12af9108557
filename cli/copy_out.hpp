// SPDX-License-Identifier: Apache-2.0
// COPY … TO STDOUT: the fastest way out of PostgreSQL, row by row, in constant memory.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::cli {

/// The SELECT with `$1`, `$2`, … replaced by quoted literals (nullopt: NULL), because COPY takes no parameters. The
/// statement must not have a `$` elsewhere. @throws Error (internal) when a parameter is missing
std::string with_literals(std::string_view select, const std::vector<std::optional<std::string>>& values);

/// Runs one SELECT in a read-only transaction with the time zone UTC and hands over each row in COPY's text format,
/// with its newline. The row is valid during the call only; when `consume` throws, the transfer is given up.
/// @throws Error (unreachable) when nobody answers at `url`, otherwise (failed) in the database's own words; never with
///         a password
void copy_out(const std::string& url, const std::string& select, const std::function<void(std::string_view)>& consume);

}  // namespace tally::cli
