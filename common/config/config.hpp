// SPDX-License-Identifier: Apache-2.0
// The configuration as the programs use it: complete, checked and never changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/secret_ref.hpp"
#include "common/yaml.hpp"

namespace tally::config {

enum class Migrate { auto_, check };
enum class LogLevel { error, warning, info, debug };
enum class LogFormat { auto_, text, json };
enum class WebhookFormat { slack, plain };

/// Where the API listens: a Unix socket when `unix_path` is set, otherwise TCP.
struct ListenAddress {
    std::string unix_path;  ///< absolute, at most 107 bytes
    std::string host;       ///< a name or an address; IPv6 without brackets
    std::uint16_t port = 0;

    bool is_unix() const noexcept { return !unix_path.empty(); }
    std::string text() const;  ///< "unix:PATH" or "HOST:PORT"
    friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

/// The word in place of a cron line for slots that somebody else makes, see sql/pg_cron.sql.
constexpr std::string_view kExternalCron = "external";

/// Exactly one of `every` and `cron` is set; the cron line, the zone and their fit with `spread` are checked.
struct Tier {
    std::string name;
    std::optional<std::chrono::seconds> every;
    std::optional<std::string> cron;  ///< a line, or kExternalCron
    std::string zone = "UTC";
    std::chrono::seconds spread{0};  ///< connections start evenly within this time after the moment
    std::chrono::seconds slack{0};   ///< a slot should be served by its moment plus this
    std::optional<std::chrono::days> retention = std::chrono::days{90};  ///< nullopt: for ever
    bool reports = true;

    bool is_external() const noexcept { return cron == kExternalCron; }
    friend bool operator==(const Tier&, const Tier&) = default;
};

/// What a platform knows us by.
struct App {
    std::optional<SecretRef> client_id, client_secret;
    unsigned concurrency = 0;  ///< connections served at once; 0: as many as the platform may have
    friend bool operator==(const App&, const App&) = default;
};

struct PlatformSettings {
    bool enabled = true;
    std::optional<std::string>
        base_url;  ///< "https://host[:port]", or http to a loopback host; no path, no final slash
    std::optional<SecretRef> client_id, client_secret;
    unsigned concurrency = 0;         ///< connections served at once; 0: no limit but collect.concurrency
    std::map<std::string, App> apps;  ///< further apps, chosen by a connection's attribute `app`
    friend bool operator==(const PlatformSettings&, const PlatformSettings&) = default;
};

/// Where alerts go. Exactly one of `webhook`, `email` and `command` is set.
struct AlertChannel {
    std::optional<SecretRef> webhook;  ///< "https://…", or http to a loopback host
    WebhookFormat format = WebhookFormat::slack;
    std::optional<std::string> email;    ///< an address; smtp.url and smtp.from are set then
    std::optional<std::string> command;  ///< a program, with an absolute path
    friend bool operator==(const AlertChannel&, const AlertChannel&) = default;
};

/// Hours of the day in which only what is urgent is told; it may span midnight.
struct QuietHours {
    std::chrono::minutes begin{0}, end{0};  ///< since midnight, [begin, end); never equal
    friend bool operator==(const QuietHours&, const QuietHours&) = default;
};
/// "22:00-07:00"; nullopt when the text is something else.
std::optional<QuietHours> parse_quiet_hours(std::string_view text);

struct Config {
    struct Database {
        SecretRef url{{}, "database.url"};                ///< empty: the private cluster
        SecretRef reader_url{{}, "database.reader_url"};  ///< empty: use `url`
        Migrate migrate = Migrate::auto_;
        unsigned sessions = 4;  ///< SQL sessions (and threads) of the daemon
        friend bool operator==(const Database&, const Database&) = default;
    } database;
    std::string state_dir;              ///< absolute
    std::vector<ListenAddress> listen;  ///< never empty
    std::map<std::string, Tier> tiers;
    std::map<std::string, PlatformSettings> platforms;  ///< only what the file names; others have the defaults
    struct Collect {
        unsigned concurrency = 256;  ///< requests in flight
        std::chrono::milliseconds timeout{30'000};
        std::chrono::days backfill{30};
        unsigned attempts = 5;  ///< of one slot, the first one included
        std::chrono::milliseconds retry_base{30'000}, retry_ceiling{3'600'000};
        std::chrono::seconds grace{20};  ///< how long a stop waits for running collections
        friend bool operator==(const Collect&, const Collect&) = default;
    } collect;
    struct History {
        std::chrono::days runs{90};            ///< how long the log of runs is kept
        std::chrono::days downgrade_grace{7};  ///< how long a user's numbers stay as the tier before kept them
        friend bool operator==(const History&, const History&) = default;
    } history;
    struct Reports {
        std::chrono::seconds delay{55 * 3600};  ///< after the week is over by the user's clock
        std::chrono::days keep{180};
        friend bool operator==(const Reports&, const Reports&) = default;
    } reports;
    struct Alerts {
        std::map<std::string, AlertChannel> channels;
        std::optional<std::string> quiet;  ///< see parse_quiet_hours()
        std::string zone = "UTC";
        std::chrono::seconds interval{900};         ///< between two messages about the same kind of trouble
        std::chrono::seconds remind{24 * 3600};     ///< what is open for so long is told again
        std::chrono::seconds backlog{1800};         ///< behind the deadline
        std::chrono::seconds staleness{3600};       ///< behind the deadline, of a tier
        std::chrono::seconds token{7 * 24 * 3600};  ///< before the end of a token that cannot be renewed
        unsigned disk = 10;                         ///< percent that should be free
        friend bool operator==(const Alerts&, const Alerts&) = default;
    } alerts;
    struct Smtp {
        std::optional<std::string> url;  ///< "smtps://host[:port]" or "smtp://host[:port]"
        std::optional<std::string> from, username;
        std::optional<SecretRef> password;
        friend bool operator==(const Smtp&, const Smtp&) = default;
    } smtp;
    struct Api {
        std::optional<SecretRef> cron_secret;
        friend bool operator==(const Api&, const Api&) = default;
    } api;
    struct Vault {
        std::optional<SecretRef> key;
        friend bool operator==(const Vault&, const Vault&) = default;
    } vault;
    struct Log {
        LogLevel level = LogLevel::info;
        LogFormat format = LogFormat::auto_;
        friend bool operator==(const Log&, const Log&) = default;
    } log;
    std::string source_file;  ///< empty: no file, all defaults

    /// The settings of a platform, named by the file or not.
    const PlatformSettings& platform(const std::string& name) const;
    friend bool operator==(const Config&, const Config&) = default;
};

/// `path`, else $TALLY_CONFIG, else /etc/tally/tallyd.yaml if it exists, else empty.
std::string file_in_use(const std::optional<std::string>& path);

/// Reads the file in use; without one everything is at its default.
/// @throws Error (config) "FILE:LINE: path: message" with a hint. Secrets are not read here.
Config load(const std::optional<std::string>& path);

/// The same from a parsed document. Defaults of `state_dir` and `listen` come from the environment.
Config parse(const YamlNode& root);

/// Everything at its default. @throws Error (config) when the environment gives no usable directory
Config defaults();

/// The Unix socket where a client should look for the daemon: the first one of `listen` when it exists or is the only
/// choice, else the system service's. nullopt when the daemon listens on TCP only.
std::optional<std::string> control_socket(const Config& config);

/// The options that differ and that a reload cannot change, such as "database.url"; empty: `fresh` may be swapped in.
std::vector<std::string> changed_unreloadable(const Config& old, const Config& fresh);

}  // namespace tally::config
