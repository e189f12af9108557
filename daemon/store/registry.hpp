// SPDX-License-Identifier: Apache-2.0
// Users, their connections, and runs asked for by hand: everything that an operator or a host application changes.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/postgres/session.hpp"
#include "daemon/schedule/schedule.hpp"
#include "daemon/store/coverage_rows.hpp"
#include "daemon/store/vault.hpp"

namespace tally::store {

struct ConnectionName {
    std::string user_id, platform, account_id;
};

/// How alerts name a connection: "USER PLATFORM ACCOUNT".
std::string alert_subject(const ConnectionName& name);
/// How alerts name what is refused: "PLATFORM METRIC", in whatever request, or "PLATFORM REQUEST" when all of it is.
std::string alert_subject(const std::string& platform, const std::string& request, const std::string& metric);

/// What a check or a plan of one connection needs.
struct ConnectionSecrets {
    std::int64_t connection_id = 0;
    std::string tier, zone;
    std::map<std::string, std::string> attributes;
    Bytes sealed_credential, sealed_user_key;
};

struct NewConnection {
    ConnectionName name;
    std::map<std::string, std::string> attributes;
    Secret credential;                  ///< the document to seal
    std::optional<Instant> expires_at;  ///< of the access token
    std::string source = "tallyctl";    ///< through what the consent came
};

struct TriggerScope {
    std::optional<std::string> user_id, platform, account_id;
    std::optional<DayRange> days;
};

/// The schedules of the tiers, as the configuration in force has them.
struct SlotPlan {
    /// When a connection's next regular slot is.
    std::function<Instant(const std::string& tier, std::int64_t connection_id)> next;
    std::function<std::chrono::seconds(const std::string& tier)> slack;
    /// The slots from `first` up to a moment.
    std::function<schedule::Due(const std::string& tier, std::int64_t connection_id, Instant first, Instant until)> due;
};

/// Blocking; for one database thread at a time. Each operation is one transaction. What is named and does not exist is
/// an Error (missing).
class Registry {
public:
    Registry(postgres::Session& session, const Vault& vault, SlotPlan plan)
        : session_(session), vault_(vault), plan_(std::move(plan)) {}

    /// What is said of a user; nullopt keeps what is there.
    struct UserChange {
        std::optional<std::string> tier, zone;
        std::optional<std::string> report_to;  ///< an address; empty: nobody gets reports
    };
    /// Creates or changes. True when it is new.
    bool put_user(const std::string& user_id, const UserChange& change);
    bool user_exists(const std::string& user_id);
    void remove_user(const std::string& user_id);  ///< ends collection, keeps the numbers

    /// Adds it, or gives an existing one a new token; records the consent; due at once. True when it is new.
    bool put_connection(const NewConnection& connection);
    void pause(const ConnectionName& name, const std::string& reason);
    void resume(const ConnectionName& name);
    void remove_connection(const ConnectionName& name);
    std::optional<ConnectionSecrets> find(const ConnectionName& name);
    ConnectionSecrets load(const ConnectionName& name);

    struct ImportedUser {
        std::string user_id;
        UserChange change;  ///< with a tier
        std::vector<NewConnection> connections;
    };
    /// One user with its connections, whole or not at all.
    void import_user(const ImportedUser& user);

    struct Group {
        std::int64_t id = 0;
        std::size_t connections = 0;
    };
    Group trigger(const TriggerScope& scope);

    struct Plannable {
        ConnectionName name;
        std::string tier;
        std::map<std::string, std::string> attributes;
        platform::Coverage coverage;
    };
    /// The active connections of a scope with what is known of them, at most `limit`.
    std::vector<Plannable> plannable(const TriggerScope& scope, int limit);

private:
    bool put_user(postgres::Transaction& transaction, const std::string& user_id, const UserChange& change);
    bool put_connection(postgres::Transaction& transaction, const NewConnection& connection);
    bool leave_slots(postgres::Transaction& transaction, const std::vector<std::int64_t>& ids, const std::string& tier,
                     const std::string& why_active);
    Bytes user_key(postgres::Transaction& transaction, const std::string& user_id);

    postgres::Session& session_;
    const Vault& vault_;
    SlotPlan plan_;
};

}  // namespace tally::store
