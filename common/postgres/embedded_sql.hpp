// SPDX-License-Identifier: Apache-2.0
// The files of sql/ as they were at build time.
#pragma once

#include <span>
#include <string_view>

namespace tally::postgres {

struct SqlFile {
    std::string_view name;  ///< path below sql/, such as "queries/lease.sql"
    std::string_view text;
};

/// All files, sorted by name. Static storage.
std::span<const SqlFile> embedded_sql() noexcept;

}  // namespace tally::postgres
