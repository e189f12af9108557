// SPDX-License-Identifier: Apache-2.0
// tallyctl db
#include <fmt/format.h>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/context.hpp"
#include "cli/database_url.hpp"
#include "common/error.hpp"
#include "common/postgres/migrate.hpp"
#include "common/postgres/session.hpp"
#include "common/time.hpp"

namespace tally::cli {

namespace {

using postgres::Migration;

/// Without a statement time-out: a migration of a large table takes what it takes.
postgres::Options session_options(const std::string& url) {
    return {.url = url, .application_name = "tallyctl", .statement_timeout = std::chrono::milliseconds{0}};
}

Json to_json(const std::vector<Migration>& migrations) {
    auto list = Json::array();
    for (const auto& migration : migrations)
        list.push_back({{"version", migration.version},
                        {"name", migration.name},
                        {"applied_at", migration.applied_at ? Json(render_instant(*migration.applied_at)) : Json{}}});
    return list;
}

void print_migrations(Context& context, const std::vector<Migration>& migrations) {
    auto table = make_table(context, {{"VERSION", true}, {"NAME"}, {"APPLIED"}});
    for (const auto& migration : migrations)
        table.add({std::to_string(migration.version), migration.name,
                   migration.applied_at ? render_instant(*migration.applied_at) : "pending"},
                  migration.applied_at ? Tone::plain : Tone::warning);
    table.finish();
}

std::vector<Migration> pending(std::vector<Migration> migrations) {
    std::erase_if(migrations, [](const Migration& migration) { return migration.applied_at.has_value(); });
    return migrations;
}

}  // namespace

int show_database(Context& context, const Arguments&) {
    const auto url = admin_url(context.config());
    postgres::Session session{session_options(url)};
    const auto migrations = postgres::migration_status(session);
    const auto missing = pending(migrations).size();
    if (context.json) {
        context.print(
            {{"database", postgres::display_url(url)}, {"pending", missing}, {"migrations", to_json(migrations)}});
        return kExitDone;
    }
    print_members(context, {{"database", postgres::display_url(url)}}, {"database"});
    print_migrations(context, migrations);
    if (missing > 0) context.console.say(fmt::format("{} pending; 'tallyctl db migrate' applies them", missing));
    return kExitDone;
}

int migrate_database(Context& context, const Arguments& arguments) {
    const auto options = session_options(admin_url(context.config()));
    postgres::Session::require_own(options);  // migrations take a lock that belongs to a session
    postgres::Session session{options};
    const bool dry_run = arguments.has("dry-run");
    const auto migrations = dry_run ? pending(postgres::migration_status(session)) : postgres::migrate(session);
    if (context.json)
        context.print(to_json(migrations));
    else if (!migrations.empty())
        print_migrations(context, migrations);
    if (migrations.empty())
        context.console.say("the schema is up to date");
    else
        context.console.say(
            fmt::format("{} migrations {}", migrations.size(), dry_run ? "would be applied" : "applied"));
    return kExitDone;
}

}  // namespace tally::cli
