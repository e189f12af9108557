// SPDX-License-Identifier: Apache-2.0
// Numbered migrations from sql/migrations, recorded in schema_migrations.
#include "common/postgres/migrate.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <map>

#include "common/postgres/embedded_sql.hpp"
#include "common/postgres/statements.hpp"

namespace tally::postgres {

namespace {

constexpr std::string_view kFolder = "migrations/";

/// Two daemons that start together migrate one after the other. The number means nothing; it must never change.
constexpr const char* kLock = "SELECT pg_advisory_lock(7301558812)";
constexpr const char* kUnlock = "SELECT pg_advisory_unlock(7301558812)";

struct Known {
    int version = 0;
    std::string name, checksum;
    std::string_view sql;
};

std::string checksum_of(std::string_view text) {
    unsigned char digest[crypto_generichash_BYTES];
    crypto_generichash(digest, sizeof digest, reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr,
                       0);
    std::string hex;
    for (const auto byte : digest) hex += fmt::format("{:02x}", byte);
    return hex;
}

/// "migrations/0001_schema.sql" in order; the files are sorted by name.
std::vector<Known> known_migrations() {
    std::vector<Known> result;
    for (const auto& file : embedded_sql()) {
        if (!file.name.starts_with(kFolder)) continue;
        const auto stem = file.name.substr(kFolder.size(), file.name.size() - kFolder.size() - 4);
        result.push_back({.version = std::stoi(std::string{stem.substr(0, 4)}),
                          .name = std::string{stem.substr(5)},
                          .checksum = checksum_of(file.text),
                          .sql = file.text});
    }
    return result;
}

struct Applied {
    std::string name, checksum;
    Instant at;
};

std::map<int, Applied> applied_migrations(Session& session) {
    auto transaction = session.begin_read_only();
    std::map<int, Applied> result;
    if (transaction.exec("schema_migrations_exist")[0].boolean("there")) {
        for (const auto& row : transaction.exec("applied_migrations"))
            result[static_cast<int>(row.integer("version"))] = {row.text("name"), row.text("checksum"),
                                                                row.instant("applied_at")};
    }
    return result;
}

/// The script also grants what belongs to this one database, so it runs wherever this login may run it.
void ensure_roles(Session& session) {
    auto transaction = session.begin();
    if (transaction.exec("may_create_roles")[0].boolean("may")) {
        transaction.exec_text(std::string{sql_file("roles.sql")});
        transaction.commit();
        return;
    }
    if (!transaction.exec("roles_ready")[0].boolean("ready"))
        throw Error(
            Fault::config,
            "the roles tally_admin, tally_collector and tally_reader are missing, and this login may not make them",
            "Let a superuser run sql/roles.sql in this database, and grant the three roles to this login.");
}

void apply(Session& session, const Known& migration) {
    auto transaction = session.begin();
    try {
        transaction.exec_text("SET LOCAL ROLE tally_admin; SET LOCAL statement_timeout = 0;" +
                              std::string{migration.sql});
        transaction.exec("record_migration", {migration.version, migration.name, migration.checksum});
        transaction.commit();
    } catch (...) {
        std::throw_with_nested(Error(
            Fault::config, fmt::format("migration {:04}_{} failed and was undone", migration.version, migration.name)));
    }
}

constexpr const char* kMigrationsTable = R"(
    SET ROLE tally_admin;
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version    integer PRIMARY KEY,
        name       text NOT NULL,
        checksum   text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now());
    COMMENT ON TABLE schema_migrations IS 'What was applied of sql/migrations, and the digest of its text.';
    RESET ROLE)";

}  // namespace

std::vector<Migration> migration_status(Session& session) {
    const auto known = known_migrations();
    const auto applied = applied_migrations(session);
    if (!applied.empty() && applied.rbegin()->first > known.back().version) throw newer_schema(applied.rbegin()->first);
    std::vector<Migration> result;
    for (const auto& migration : known) {
        const auto found = applied.find(migration.version);
        if (found != applied.end() && found->second.checksum != migration.checksum)
            throw Error(Fault::config,
                        fmt::format("migration {:04}_{} differs from the one that was applied", migration.version,
                                    migration.name),
                        "Migrations never change after a release: install an unmodified tally.");
        result.push_back({.version = migration.version,
                          .name = migration.name,
                          .applied_at = found == applied.end() ? std::nullopt : std::optional{found->second.at}});
    }
    return result;
}

std::vector<Migration> migrate(Session& session, int until) {
    session.exec_alone(kLock);
    try {
        ensure_roles(session);
        session.exec_alone(kMigrationsTable);
        std::vector<Migration> done;
        const auto status = migration_status(session);
        const auto known = known_migrations();
        for (std::size_t i = 0; i < known.size(); ++i) {
            if (status[i].applied_at || known[i].version > until) continue;
            apply(session, known[i]);
            done.push_back({.version = known[i].version, .name = known[i].name, .applied_at = now()});
        }
        session.exec_alone(kUnlock);
        return done;
    } catch (...) {
        if (session.is_open()) session.exec_alone(kUnlock);
        throw;
    }
}

std::vector<Migration> migrate(Session& session) {
    return migrate(session, newest_migration());
}

int newest_migration() {
    static const int newest = known_migrations().back().version;
    return newest;
}

Error newer_schema(std::int64_t version) {
    return {Fault::config,
            fmt::format("the database has schema {}, this program knows {} at most", version, newest_migration()),
            "Install the release of tally that this database was used with, or a newer one."};
}

void require_current_schema(Session& session) {
    for (const auto& migration : migration_status(session)) {
        if (!migration.applied_at)
            throw Error(Fault::config,
                        fmt::format("the database lacks migration {:04}_{}", migration.version, migration.name),
                        "Run 'tallyctl db migrate', or set database.migrate: auto.");
    }
}

}  // namespace tally::postgres
