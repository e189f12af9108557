// SPDX-License-Identifier: Apache-2.0
// Applies sql/migrations/ in order.
#include "common/postgres/migrate.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <charconv>

#include "common/postgres/embedded_sql.hpp"
#include "common/postgres/statements.hpp"

namespace tally::postgres {

namespace {

// Any number that nobody else uses for an advisory lock in this database.
constexpr std::int64_t kMigrationLock = 0x74'61'6c'6c'79;  // "tally"

std::string checksum_of(std::string_view text) {
    std::array<unsigned char, 16> hash{};
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                       nullptr, 0);
    return to_text(hash).substr(2);
}

/// "migrations/0001_schema.sql"
Migration read(const SqlFile& file) {
    const auto base = file.name.substr(file.name.find('/') + 1);
    int version = 0;
    const auto [end, error] = std::from_chars(base.data(), base.data() + base.size(), version);
    if (error != std::errc{} || end != base.data() + 4 || *end != '_' || !base.ends_with(".sql"))
        throw Error(Fault::internal, fmt::format("'{}' is no name of a migration", file.name));
    return {.version = version,
            .name = std::string{base.substr(5, base.size() - 9)},
            .sql = file.text,
            .checksum = checksum_of(file.text)};
}

struct Applied {
    int version;
    std::string name, checksum;
    Instant at;
};

std::vector<Applied> applied(Transaction& transaction) {
    if (transaction.exec_text("SELECT to_regclass('public.schema_migrations') IS NULL AS absent")[0].boolean("absent"))
        return {};
    std::vector<Applied> list;
    const auto rows =
        transaction.exec_text("SELECT version, name, checksum, applied_at FROM schema_migrations ORDER BY version");
    for (const auto row : rows)
        list.push_back({.version = static_cast<int>(row.integer("version")),
                        .name = row.text("name"),
                        .checksum = row.text("checksum"),
                        .at = row.instant("applied_at")});
    return list;
}

/// The program must know every applied step, as it was applied.
void check_applied(const std::vector<Applied>& list) {
    const auto& known = migrations();
    if (!list.empty() && list.back().version > known.back().version)
        throw Error(Fault::config,
                    fmt::format("the database schema is at version {}, this program knows {} only", list.back().version,
                                known.back().version),
                    "Install the newer tally that migrated this database.");
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (i >= known.size() || list[i].version != known[i].version)
            throw Error(Fault::config, fmt::format("migration {} is missing in the database", i + 1),
                        "Somebody changed the table schema_migrations; restore it from a backup.");
        if (list[i].checksum != known[i].checksum)
            throw Error(Fault::config,
                        fmt::format("migration {} '{}' was applied in another form", list[i].version, list[i].name),
                        "This database was migrated by a build with different SQL; use that build or a fresh database.");
    }
}

void apply(Session& session, const Migration& migration) {
    auto transaction = session.begin();
    transaction.exec_text("SET LOCAL ROLE tally_admin");
    transaction.exec_text("SET LOCAL statement_timeout = 0");
    transaction.exec_text(std::string{migration.sql});
    transaction.exec_text(fmt::format("INSERT INTO schema_migrations (version, name, checksum) VALUES ({}, {}, {})",
                                      migration.version, quote_literal(migration.name),
                                      quote_literal(migration.checksum)));
    transaction.commit();
}

/// Held by the session until it ends or releases it, so that steps may have transactions of their own.
class MigrationLock {
public:
    explicit MigrationLock(Session& session) : session_(session) {
        session_.exec_alone("SET lock_timeout = '10min'; SET statement_timeout = '10min'");
        session_.exec_alone(fmt::format("SELECT pg_advisory_lock({})", kMigrationLock));
    }
    ~MigrationLock() {
        try {
            session_.exec_alone(fmt::format("SELECT pg_advisory_unlock({})", kMigrationLock));
        } catch (const Error&) {  // the session is lost, and the lock with it
        }
    }
    MigrationLock(const MigrationLock&) = delete;
    MigrationLock& operator=(const MigrationLock&) = delete;

private:
    Session& session_;
};

void make_roles(Session& session) {
    auto transaction = session.begin();
    try {
        transaction.exec_text(std::string{sql_file("roles.sql")});
    } catch (const SqlError& error) {
        if (error.fault() != Fault::denied) throw;
        throw Error(Fault::config, fmt::format("cannot make the roles of tally: {}", error.what()),
                    "Let the login own the database and give it CREATEROLE, or run sql/roles.sql as a superuser once.");
    }
    transaction.commit();
}

}  // namespace

const std::vector<Migration>& migrations() {
    static const auto all = [] {
        std::vector<Migration> list;
        for (const auto& file : embedded_sql()) {
            if (!file.name.starts_with("migrations/")) continue;
            list.push_back(read(file));
            if (list.back().version != static_cast<int>(list.size()))
                throw Error(Fault::internal, fmt::format("'{}' is out of order", file.name));
        }
        if (list.empty()) throw Error(Fault::internal, "there are no migrations");
        return list;
    }();
    return all;
}

MigrationState migration_status(Session& session) {
    auto transaction = session.begin_read_only();
    const auto list = applied(transaction);
    MigrationState state{.schema_version = list.empty() ? 0 : list.back().version,
                         .program_version = migrations().back().version,
                         .steps = {}};
    for (const auto& step : list) state.steps.push_back({step.version, step.name, step.at});
    for (const auto& migration : migrations()) {
        if (migration.version > state.schema_version)
            state.steps.push_back({migration.version, migration.name, std::nullopt});
    }
    return state;
}

unsigned migrate(Session& session) {
    const MigrationLock lock{session};
    std::vector<Applied> list;
    {
        auto transaction = session.begin_read_only();
        list = applied(transaction);
    }
    check_applied(list);
    if (list.size() == migrations().size()) return 0;
    make_roles(session);
    unsigned count = 0;
    for (const auto& migration : migrations()) {
        if (static_cast<std::size_t>(migration.version) <= list.size()) continue;
        apply(session, migration);
        ++count;
    }
    return count;
}

void require_current_schema(Session& session) {
    auto transaction = session.begin_read_only();
    const auto list = applied(transaction);
    check_applied(list);
    if (list.size() < migrations().size())
        throw Error(Fault::config,
                    fmt::format("the database schema is at version {}, this program needs {}",
                                list.empty() ? 0 : list.back().version, migrations().back().version),
                    "Run 'tallyctl db migrate', or set database.migrate to auto.");
}

}  // namespace tally::postgres
