// SPDX-License-Identifier: Apache-2.0
// Brings a database to the schema that this program was built with, or says why not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/postgres/session.hpp"
#include "common/time.hpp"

namespace tally::postgres {

struct Migration {
    int version = 0;
    std::string name;
    std::optional<Instant> applied_at;  ///< nullopt: still to be applied
};

/// All migrations known here, ascending, with what the database says of them. A database without any is new.
/// @throws Error (config) when the schema is newer than this program or an applied migration was changed since
std::vector<Migration> migration_status(Session& session);

/// Makes the roles where that is allowed, then applies what is missing, each migration in its own transaction, as
/// tally_admin. Several callers wait for each other. Gives those that were applied.
/// @throws Error (config) as above, or when roles are missing and may not be made
/// @param until the last one to apply, for tests of upgrades
std::vector<Migration> migrate(Session& session, int until);
/// All of them.
std::vector<Migration> migrate(Session& session);

/// The version of the schema that this program was built with.
int newest_migration();
/// What to say of a database whose schema is newer.
Error newer_schema(std::int64_t version);

/// @throws Error (config) unless every migration is applied
void require_current_schema(Session& session);

}  // namespace tally::postgres
