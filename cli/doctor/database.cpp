// SPDX-License-Identifier: Apache-2.0
// Asks PostgreSQL with short limits: doctor is for bad days, and must not wait behind what makes them bad.
#include "cli/doctor/database.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "common/config/secret_ref.hpp"
#include "common/error.hpp"
#include "common/postgres/cluster.hpp"
#include "common/postgres/migrate.hpp"

namespace tally::doctor {

using namespace std::chrono_literals;

namespace {

constexpr int kUserKeys = 100;  // a wrong key opens none of them
constexpr const char* kSeeDatabase = "See the check 'database'.";
constexpr const char* kAsRoot = "Run doctor as root.";

postgres::Options options_of(const std::string& url) {
    return {.url = url,
            .application_name = "tallyctl doctor",
            .statement_timeout = 5s,
            .lock_timeout = 2s,
            .connect_timeout = 5s};
}

ReadFacts trouble_of(std::string what, const std::exception& error) {
    const auto* ours = dynamic_cast<const Error*>(&error);
    return {.what = std::move(what), .error = describe_line(error), .hint = ours != nullptr ? ours->hint() : ""};
}

}  // namespace

DatabaseProbe::DatabaseProbe(const config::Config& config, bool daemon_answers) {
    connect(config, daemon_answers);
    if (session_) {
        look(config);
        return;
    }
    const std::string reason = "the database cannot be asked";
    schema = {.reason = reason, .remedy = kSeeDatabase};
    roles = {.reason = reason, .remedy = kSeeDatabase};
    partitions = {.reason = reason, .remedy = kSeeDatabase};
    logins = {.reason = reason, .remedy = kSeeDatabase};
    look_at_reader(config);
}

void DatabaseProbe::connect(const config::Config& config, bool daemon_answers) {
    try {
        if (config.database.url.empty())
            open_private(config, daemon_answers);
        else
            open_external(config);
    } catch (const std::exception& error) {
        auto trouble = trouble_of({}, error);
        if (!server) server.value.emplace();
        server.value->error = std::move(trouble.error);
        server.value->hint = std::move(trouble.hint);
    }
}

void DatabaseProbe::open_private(const config::Config& config, bool daemon_answers) {
    const postgres::ClusterPlace place{config.state_dir};
    const int version = postgres::private_version(place);
    if (!place.answers()) {
        if (::access(place.socket_dir.c_str(), X_OK) != 0 && errno == EACCES) {
            server = {.reason = fmt::format("only root and the group 'tally' may use '{}'", place.socket_dir),
                      .remedy = kAsRoot};
            return;
        }
        if (daemon_answers)
            throw Error{Fault::unreachable,
                        fmt::format("the private PostgreSQL does not answer at '{}'", place.socket_dir),
                        fmt::format("See the newest file in {}, then: systemctl restart tallyd.", place.log_dir)};
        server = {.reason = fmt::format("the private PostgreSQL ({}) runs while tallyd does", version),
                  .remedy = "Start tallyd: systemctl start tallyd."};
        return;
    }
    server.value.emplace();
    server.value->is_private = true;
    server.value->url = postgres::display_url(place.url);
    try {
        session_ = std::make_unique<postgres::Session>(options_of(place.url));
    } catch (const Error&) {
        // Root and the cluster's own user are let in as its owner, the group `tally` as a reader.
        session_ = std::make_unique<postgres::Session>(options_of(place.reader_url));
        privileged_ = false;
    }
}

void DatabaseProbe::open_external(const config::Config& config) {
    const auto& option = config.database.url;
    std::string url;
    try {
        url = config::resolve(option).reveal();
    } catch (const Error& error) {
        server = {.reason = error.what(),
                  .remedy = "Only tallyd may be able to read its secrets; see the check 'secrets'."};
        return;
    }
    server.value.emplace();
    const auto options = options_of(url);
    try {
        server.value->url = postgres::display_url(url);
        postgres::Session::require_own(options);
    } catch (const Error& error) {
        if (error.fault() != Fault::config) throw;
        server.value->not_own = error.what();
        server.value->not_own_fix = error.hint();
    }
    session_ = std::make_unique<postgres::Session>(options);
}

void DatabaseProbe::look(const config::Config& config) {
    try {
        look_at_server();
    } catch (const std::exception& error) {
        server.value->error = describe_line(error);
    }
    SchemaFacts facts;
    facts.applied_at_start = config.database.migrate == config::Migrate::auto_;
    try {
        for (const auto& migration : postgres::migration_status(*session_)) {
            if (migration.applied_at)
                facts.version = migration.version;
            else
                facts.pending.push_back(migration.name);
        }
    } catch (const std::exception& error) {
        auto trouble = trouble_of({}, error);
        facts.error = std::move(trouble.error);
        facts.hint = std::move(trouble.hint);
    }
    schema.value = std::move(facts);
    try {
        look_at_roles();
    } catch (const std::exception& error) {
        roles = {.reason = describe_line(error), .remedy = kSeeDatabase};
    }
    look_at_reader(config);
    if (schema->version == 0 || !schema->error.empty()) {
        const std::string reason = "the schema is not there, or not known";
        partitions = {.reason = reason, .remedy = "See the check 'schema'."};
        logins = {.reason = reason, .remedy = "See the check 'schema'."};
        return;
    }
    try {
        look_at_tables();
    } catch (const std::exception& error) {
        const auto reason = describe_line(error);
        if (!partitions) partitions = {.reason = reason, .remedy = kSeeDatabase};
        if (!logins) logins = {.reason = reason, .remedy = kSeeDatabase};
    }
}

void DatabaseProbe::look_at_server() {
    auto transaction = session_->begin_read_only();
    transaction.exec("server_facts");  // prepared now, so that the next one takes one way there and back
    const auto asked_at = now();
    const auto row = transaction.exec("server_facts")[0];
    const auto answered_at = now();
    const auto middle = asked_at + (answered_at - asked_at) / 2;
    clock.ahead = std::chrono::round<std::chrono::milliseconds>(middle - row.instant("clock"));
    clock.uncertain = std::chrono::ceil<std::chrono::milliseconds>(answered_at - asked_at);
    server.value->version_number = static_cast<int>(row.integer("version"));
    server.value->standby = row.boolean("standby");
}

void DatabaseProbe::look_at_roles() {
    if (!privileged_) {
        roles = {.reason = "this login is not tallyd's", .remedy = kAsRoot};
        return;
    }
    auto transaction = session_->begin_read_only();
    RoleFacts facts;
    facts.login = transaction.exec("server_facts")[0].text("login");
    for (const auto& row : transaction.exec("roles_lacking")) {
        if (!row.boolean("there"))
            facts.missing.push_back(row.text("name"));
        else if (!row.boolean("member"))
            facts.not_member.push_back(row.text("name"));
    }
    if (facts.missing.empty() && schema->pending.empty() && schema->error.empty()) {
        for (const auto& row : transaction.exec("role_rights"))
            facts.rights.push_back({.role = row.text("role"),
                                    .object = row.text("object"),
                                    .privilege = row.text("privilege"),
                                    .wanted = row.boolean("wanted"),
                                    .held = row.boolean("held")});
    }
    roles.value = std::move(facts);
}

void DatabaseProbe::look_at_reader(const config::Config& config) {
    const auto& option = config.database.reader_url;
    std::string url;
    if (!option.empty()) {
        try {
            url = config::resolve(option).reveal();
        } catch (const Error& error) {
            reader = {.reason = error.what(),
                      .remedy = "Only tallyd may be able to read its secrets; see the check 'secrets'."};
            return;
        }
    } else if (!session_) {
        reader = {.reason = "the database cannot be asked", .remedy = kSeeDatabase};
        return;
    } else if (server->is_private) {
        url = postgres::ClusterPlace{config.state_dir}.reader_url;
    } else {
        reader.value = ReadFacts{.what = "exports use database.url", .error = {}, .hint = {}};
        return;
    }
    try {
        postgres::Session session{options_of(url)};
        session.begin_read_only().exec("export_one");
        reader.value = ReadFacts{.what = postgres::display_url(url), .error = {}, .hint = {}};
    } catch (const std::exception& error) {
        reader.value = trouble_of(option.empty() ? "tally_reader" : "database.reader_url", error);
    }
}

void DatabaseProbe::look_at_tables() {
    auto transaction = session_->begin_read_only();
    PartitionFacts lacking;
    for (const auto& row : transaction.exec("partitions_lacking")) lacking.missing.push_back(row.text("name"));
    partitions.value = std::move(lacking);
    std::vector<LoginCount> counts;
    for (const auto& row : transaction.exec("connections_by_login")) {
        LoginCount count{.platform = row.text("platform"),
                         .attributes = {},
                         .all = row.integer("connections"),
                         .unauthorized = row.integer("unauthorized"),
                         .gone = row.integer("gone"),
                         .expired = row.integer("expired"),
                         .expiring = row.integer("expiring")};
        for (const auto* name : {"app", "login"}) {
            if (auto text = row.text(name); !text.empty()) count.attributes.emplace(name, std::move(text));
        }
        counts.push_back(std::move(count));
    }
    logins.value = std::move(counts);
}

bool DatabaseProbe::try_vault(const store::Vault& vault, VaultFacts& facts) {
    if (!session_ || !privileged_ || !schema || schema->version == 0) return false;
    try {
        auto transaction = session_->begin_read_only();
        std::size_t looked_at = 0, unopened = 0;
        for (const auto& row : transaction.exec("some_user_keys", {kUserKeys})) {
            ++looked_at;
            if (!vault.opens(row.bytes("sealed_key"), row.text("user_id"))) ++unopened;
        }
        facts.sealed = looked_at;
        facts.unopened = unopened;
        return true;
    } catch (const std::exception&) {
        return false;  // the checks of the database say why
    }
}

bool DatabaseProbe::count_sealed(VaultFacts& facts) {
    if (!session_ || !privileged_ || !schema || schema->version == 0) return false;
    try {
        facts.sealed = session_->begin_read_only().exec("some_user_keys", {kUserKeys}).size();
        return true;
    } catch (const std::exception&) {
        return false;  // the checks of the database say why
    }
}

}  // namespace tally::doctor
