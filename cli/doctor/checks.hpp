// SPDX-License-Identifier: Apache-2.0
// From facts to findings: all that doctor decides. Pure; what the facts are is found out by probes.hpp.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/doctor/finding.hpp"
#include "common/time.hpp"

namespace tally::doctor {

/// Something that is read whole or not at all.
struct ReadFacts {
    std::string what;         ///< what was read, for people
    std::string error, hint;  ///< an empty error: it is good
};
Finding check_configuration(const ReadFacts& facts);
Finding check_platform_files(const Seen<ReadFacts>& facts);

struct SecretFacts {
    struct Trouble {
        std::string message, hint;
        bool hidden = false;  ///< only tallyd may be able to read it
    };
    std::size_t read = 0;
    std::vector<Trouble> unread;
    std::vector<std::string> open_files;  ///< files with secrets that every user of the machine can read
};
Finding check_secrets(const Seen<SecretFacts>& facts);

/// An app that the platform knows us by.
struct AppFacts {
    std::string platform, app;                ///< an empty app: the platform's own
    std::optional<std::int64_t> connections;  ///< nullopt: not known
    bool named = false;                       ///< the configuration names it
    bool has_id = false, has_secret = false;
    bool asks_with_id = false;  ///< the platform wants the id with every request
};
Finding check_apps(const Seen<std::vector<AppFacts>>& facts);

/// A file, directory or socket.
struct FileFacts {
    std::string path;
    bool there = false;
    std::string trouble;  ///< why it cannot be looked at; empty: it can, or it is not there
    mode_t mode = 0;      ///< permissions only
    uid_t owner = 0;
    std::string owner_name;
};
struct StateFacts {
    FileFacts directory;
    std::optional<uid_t> daemon;  ///< whom the running tallyd runs as
    std::string daemon_name;
};
Finding check_state_directory(const Seen<StateFacts>& facts);

struct VaultFacts {
    bool configured = false;  ///< vault.key; else a file of the state directory
    FileFacts file;           ///< without `configured`
    uid_t directory_owner = 0;
    std::string directory_owner_name;
    std::string unreadable;                       ///< why the key could not be read; empty: it was, or is not there
    std::string malformed;                        ///< what is wrong with what was read
    std::optional<std::size_t> sealed, unopened;  ///< keys of users looked at, and those that it does not open
};
Finding check_vault_key(const Seen<VaultFacts>& facts);

struct SocketFacts {
    FileFacts file;
    bool group_exists = false;  ///< `tally`, whose members may use it
};
Finding check_socket(const Seen<SocketFacts>& facts);

struct DaemonFacts {
    bool answers = false;
    std::string trouble, hint;  ///< why it does not answer
    std::string sick;           ///< it answers, and cannot say how it is: why; empty otherwise
    std::string version;
    std::string reload_error;            ///< empty: the last reload was good
    std::string config_file;             ///< the one it reads; empty: none
    std::vector<std::string> attention;  ///< what needs a person, a line each
};
Finding check_daemon(const Seen<DaemonFacts>& facts, std::string_view own_version, std::string_view own_config_file);
/// `attention` of the daemon; skipped without it.
Finding check_attention(const Seen<DaemonFacts>& facts);

struct DatabaseFacts {
    std::string url;                   ///< without password
    std::string error, hint;           ///< an empty error: it answers
    int version_number = 0;            ///< as PostgreSQL counts: 150004
    bool standby = false;              ///< it takes no writes
    bool is_private = false;           ///< tallyd runs it itself
    std::string not_own, not_own_fix;  ///< what says that sessions are lent by the transaction; empty: they are not
};
Finding check_database(const Seen<DatabaseFacts>& facts);
Finding check_sessions(const Seen<DatabaseFacts>& facts);

struct SchemaFacts {
    std::string error, hint;           ///< newer than this program, or changed
    std::vector<std::string> pending;  ///< names
    int version = 0;                   ///< of the newest one that is applied; 0: an empty database
    bool applied_at_start = false;     ///< database.migrate: auto
};
Finding check_schema(const Seen<SchemaFacts>& facts);

struct RoleFacts {
    struct Right {
        std::string role, object, privilege;
        bool wanted = true, held = true;
    };
    std::vector<std::string> missing;     ///< roles that do not exist
    std::vector<std::string> not_member;  ///< roles that the login may not act as
    std::vector<Right> rights;            ///< empty before the schema is there
    std::string login;
};
Finding check_roles(const Seen<RoleFacts>& facts);

/// Whether numbers can be read as exports do.
Finding check_reader(const Seen<ReadFacts>& facts);

struct PartitionFacts {
    std::vector<std::string> missing;  ///< of this and the next month of numbers, and of the log's today and tomorrow
};
Finding check_partitions(const Seen<PartitionFacts>& facts);

struct ConnectionFacts {
    std::int64_t all = 0, unauthorized = 0, gone = 0;
    // Of active ones where the platform has no way to renew a token without a person:
    std::int64_t expired = 0;   ///< the token's end has passed
    std::int64_t expiring = 0;  ///< it comes within a week
};
Finding check_connections(const Seen<ConnectionFacts>& facts);

struct ClockFacts {
    std::optional<std::chrono::milliseconds> ahead;  ///< of the database's clock; nullopt: no database
    std::chrono::milliseconds uncertain{0};          ///< what the way there and back may account for
    std::optional<bool> synchronised;                ///< the kernel's word; nullopt: it says nothing
};
Finding check_clock(const ClockFacts& facts);

/// A rule that time zone data of some release has.
struct ZoneAnswer {
    std::string_view zone, release;  ///< static
    std::chrono::seconds wanted;     ///< the offset that this release tells
    std::optional<std::chrono::seconds> found;
};
Finding check_time_zones(const std::vector<ZoneAnswer>& answers);

struct CertificateFacts {
    std::string file, directory;  ///< where libcurl looks; empty: nowhere
    std::size_t in_file = 0;      ///< certificates
    bool in_directory = false;    ///< there are files
};
Finding check_certificates(const CertificateFacts& facts);

struct DiskFacts {
    std::string path;
    std::uintmax_t free = 0, size = 0;  ///< bytes, for users without privileges
    std::uintmax_t free_files = 0, files = 0;
};
/// @param check "disk space", or "database disk"
Finding check_disk(std::string_view check, const Seen<DiskFacts>& facts);

}  // namespace tally::doctor
