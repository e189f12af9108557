// SPDX-License-Identifier: Apache-2.0
// Brings a database to the schema that this program was written for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/postgres/session.hpp"

namespace tally::postgres {

struct Migration {
    int version;
    std::string name;
    std::string_view sql;
    std::string checksum;  ///< BLAKE2b-128 of the SQL text, in hexadecimal
};

/// The migrations of this program, ascending, without gaps from 1. @throws Error (internal) for a file with a bad name
const std::vector<Migration>& migrations();

struct MigrationState {
    struct Step {
        int version;
        std::string name;
        std::optional<Instant> applied_at;  ///< nullopt: not yet
    };
    int schema_version = 0;   ///< of the database; 0: empty
    int program_version = 0;  ///< of this program
    std::vector<Step> steps;  ///< of the program and, if the database is newer, of the database
};

/// Reads only. @throws SqlError
MigrationState migration_status(Session& session);

/// Makes the roles and applies what is missing, each step in a transaction of its own; concurrent callers wait for
/// each other. The session's login must be superuser or own the database and have CREATEROLE (the latter only while
/// the roles tally_admin, tally_collector, tally_reader do not exist).
/// @returns how many steps were applied
/// @throws Error (config) when the schema is newer than the program or an applied step has changed since
unsigned migrate(Session& session);

/// @throws Error (config) with a hint unless the schema is exactly this program's
void require_current_schema(Session& session);

}  // namespace tally::postgres
