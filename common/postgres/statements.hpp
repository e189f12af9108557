// SPDX-License-Identifier: Apache-2.0
// The named statements of sql/queries/.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace tally::postgres {

/// All statements by name, from lines "-- name: claim_due" up to the next such line. Built once; any thread.
/// @throws Error (internal) when a name is there twice or a file has text before its first name
const std::map<std::string, std::string, std::less<>>& statements();

/// One statement. @throws Error (internal) for an unknown name
const std::string& statement(std::string_view name);

/// A whole file below sql/, such as "roles.sql". @throws Error (internal) for an unknown name
std::string_view sql_file(std::string_view name);

}  // namespace tally::postgres
