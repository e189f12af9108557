// SPDX-License-Identifier: Apache-2.0
// Facts that only the database tells.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/doctor/checks.hpp"
#include "common/config/config.hpp"
#include "common/postgres/session.hpp"
#include "daemon/store/vault.hpp"

namespace tally::doctor {

/// How many connections log in how, and how their tokens stand.
struct LoginCount {
    std::string platform;
    std::map<std::string, std::string> attributes;  ///< `app` and `login`, where they are set
    std::int64_t all = 0, unauthorized = 0, gone = 0, expired = 0, expiring = 0;
};

/// One session to the database of a configuration, as tallyd would have it where that is allowed, else as a reader.
/// Whatever fails is told in the facts; nothing throws.
class DatabaseProbe {
public:
    /// @param daemon_answers a private cluster that does not run is then no consequence of a stopped daemon
    DatabaseProbe(const config::Config& config, bool daemon_answers);

    Seen<DatabaseFacts> server;
    Seen<SchemaFacts> schema;
    Seen<RoleFacts> roles;
    Seen<ReadFacts> reader;
    Seen<PartitionFacts> partitions;
    Seen<std::vector<LoginCount>> logins;
    ClockFacts clock;

    /// How many of some users' keys the vault does not open; false when that cannot be asked.
    bool try_vault(const store::Vault& vault, VaultFacts& facts);
    /// How many there are to be opened. False when that cannot be asked.
    bool count_sealed(VaultFacts& facts);

private:
    void connect(const config::Config& config, bool daemon_answers);
    void open_private(const config::Config& config, bool daemon_answers);
    void open_external(const config::Config& config);
    void look(const config::Config& config);
    void look_at_server();
    void look_at_roles();
    void look_at_reader(const config::Config& config);
    void look_at_tables();

    std::unique_ptr<postgres::Session> session_;  ///< null: there is none
    bool privileged_ = true;                      ///< the session is what tallyd's would be
};

}  // namespace tally::doctor
