// SPDX-License-Identifier: Apache-2.0
// Configuration first, then the daemon, then the database, then the machine.
#include "cli/doctor/examine.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/daemon_client.hpp"
#include "cli/doctor/database.hpp"
#include "cli/doctor/machine.hpp"
#include "cli/json_text.hpp"
#include "cli/secrets.hpp"
#include "common/config/config.hpp"
#include "common/config/data_files.hpp"
#include "common/error.hpp"
#include "common/postgres/cluster.hpp"
#include "common/version.hpp"
#include "daemon/platform/catalog.hpp"

namespace tally::doctor {

namespace {

using cli::Json;
using cli::member;
using cli::text_of;

constexpr std::chrono::milliseconds kDaemonLimit{10'000};  // it may be connecting to its database
constexpr const char* kNoConfiguration = "needs a configuration that can be read";
constexpr const char* kSeeConfiguration = "See the check 'configuration'.";
constexpr std::string_view kFile = "file:";
constexpr mode_t kWorldReads = 04;

/// A reference that tallyd may be able to read where this program is not.
bool is_hidden(const config::SecretRef& ref) {
    if (!ref.text.starts_with(kFile)) return true;
    return ::access(ref.text.substr(kFile.size()).c_str(), R_OK) != 0 && errno == EACCES;
}

SecretFacts read_secrets(const config::Config& config) {
    SecretFacts facts;
    for (const auto& secret : cli::secrets_of(config)) {
        if (!config::is_reference(secret.text)) continue;
        try {
            config::resolve(secret);
            ++facts.read;
            if (!secret.text.starts_with(kFile)) continue;
            const auto path = secret.text.substr(kFile.size());
            if ((look_at_file(path).mode & kWorldReads) != 0) facts.open_files.push_back(path);
        } catch (const Error& error) {
            facts.unread.push_back({.message = error.what(), .hint = error.hint(), .hidden = is_hidden(secret)});
        }
    }
    std::sort(facts.open_files.begin(), facts.open_files.end());
    facts.open_files.erase(std::unique(facts.open_files.begin(), facts.open_files.end()), facts.open_files.end());
    return facts;
}

/// Looks at everything; each member is there for those after it.
class Examination {
public:
    explicit Examination(const std::optional<std::string>& config_path) : config_path_(config_path) {}

    Findings run() {
        configuration();
        platform_files();
        const auto daemon = ask_daemon();
        if (config_) database_.emplace(*config_, daemon && daemon->answers);
        secrets();
        apps();
        state_directory();
        add(check_vault_key(vault()));
        add(check_socket(socket()));
        add(check_daemon(daemon, version(), config_ ? config_->source_file : config_file_));
        add(check_attention(daemon));
        database();
        machine();
        return std::move(findings_);
    }

private:
    void add(Finding finding) { findings_.push_back(std::move(finding)); }

    template <class T>
    static Seen<T> unconfigured() {
        return {.reason = kNoConfiguration, .remedy = kSeeConfiguration};
    }

    void configuration() {
        ReadFacts facts;
        try {
            config_file_ = config::file_in_use(config_path_);
            facts.what = config_file_.empty() ? "no file, all defaults" : config_file_;
            config_ = config::load(config_path_);
        } catch (const Error& error) {
            facts.error = describe_line(error);
            facts.hint = error.hint();
        }
        add(check_configuration(facts));
    }

    void platform_files() {
        ReadFacts facts;
        try {
            catalog_ = platform::Catalog::load(config::platform_directories(config_file_));
            facts.what = fmt::format("{} platforms", catalog_->all().size());
            if (catalog_->all().empty()) {
                facts.error = "there are no platform files";
                facts.hint = "Install tally again: they belong to it.";
            }
        } catch (const Error& error) {
            facts.error = describe_line(error);
            facts.hint = error.hint();
        }
        add(check_platform_files({.value = std::move(facts)}));
    }

    /// The socket of the daemon; without a configuration the one that it has by default.
    std::optional<std::string> control_socket() const {
        try {
            return config::control_socket(config_ ? *config_ : config::defaults());
        } catch (const Error&) {
            return std::nullopt;  // no home directory, and nothing that says where else to look
        }
    }

    Seen<DaemonFacts> ask_daemon() {
        const auto path = control_socket();
        if (!path)
            return {.reason = "'listen' has no Unix socket, and tallyctl speaks to tallyd only through one",
                    .remedy = "Add 'unix:/run/tally/tallyd.sock' to 'listen'."};
        DaemonFacts facts;
        try {
            cli::DaemonClient client{*path};
            client.set_timeout(kDaemonLimit);
            read_status(client.get(cli::api_path({"status"})), facts);
        } catch (const Error& error) {
            if (error.fault() == Fault::denied) return {.reason = error.what(), .remedy = error.hint()};
            if (error.fault() == Fault::unreachable) {
                facts.trouble = error.what();
                facts.hint = error.hint();
            } else {  // it is there, and cannot say how it is: the database, most likely
                facts.answers = true;
                facts.sick = error.what();
            }
        }
        return {.value = std::move(facts)};
    }

    void read_status(const Json& status, DaemonFacts& facts) {
        const auto& daemon = member(status, "daemon");
        facts.answers = true;
        facts.version = text_of(daemon, "version");
        facts.reload_error = text_of(daemon, "reload_error");
        facts.config_file = text_of(daemon, "config_file");
        daemon_owner_ = owner_of_process(cli::number_of(daemon, "pid"));
        for (const auto& item : member(status, "attention"))
            facts.attention.push_back(
                fmt::format("{} '{}': {}", text_of(item, "kind"), text_of(item, "subject"), text_of(item, "message")));
    }

    void secrets() {
        add(check_secrets(config_ ? Seen<SecretFacts>{.value = read_secrets(*config_)} : unconfigured<SecretFacts>()));
    }

    /// How many connections of a platform use an app; nullopt when the database does not tell.
    std::optional<std::int64_t> connections_of(const std::string& platform, const std::string& app) const {
        if (!database_ || !database_->logins) return std::nullopt;
        std::int64_t count = 0;
        for (const auto& login : *database_->logins) {
            const auto named = login.attributes.find("app");
            if (login.platform == platform && (named == login.attributes.end() ? "" : named->second) == app)
                count += login.all;
        }
        return count;
    }

    void apps() {
        using Apps = std::vector<AppFacts>;
        if (!config_ || !catalog_) {
            add(check_apps(Seen<Apps>{.reason = "needs the configuration and the platform files",
                                      .remedy = "See the checks 'configuration' and 'platform files'."}));
            return;
        }
        Apps apps;
        for (const auto& platform : catalog_->all()) {
            const auto& settings = config_->platform(platform->name);
            const bool asks_with_id =
                std::any_of(platform->auth.headers.begin(), platform->auth.headers.end(),
                            [](const auto& header) { return header.second.find("{client_id}") != std::string::npos; });
            if (!settings.enabled || (platform->auth.logins.empty() && !asks_with_id)) continue;
            const auto add_app = [&](const std::string& name, const auto& pair, bool named) {
                apps.push_back({.platform = platform->name,
                                .app = name,
                                .connections = connections_of(platform->name, name),
                                .named = named,
                                .has_id = pair.client_id.has_value(),
                                .has_secret = pair.client_secret.has_value(),
                                .asks_with_id = asks_with_id});
            };
            add_app("", settings, config_->platforms.contains(platform->name));
            for (const auto& [name, app] : settings.apps) add_app(name, app, true);
        }
        add(check_apps({.value = std::move(apps)}));
    }

    void state_directory() {
        if (!config_) {
            add(check_state_directory(unconfigured<StateFacts>()));
            return;
        }
        add(check_state_directory(
            {.value = StateFacts{.directory = look_at_file(config_->state_dir),
                                 .daemon = daemon_owner_,
                                 .daemon_name = daemon_owner_ ? user_name(*daemon_owner_) : ""}}));
    }

    Seen<VaultFacts> vault() {
        if (!config_) return unconfigured<VaultFacts>();
        VaultFacts facts;
        facts.configured = config_->vault.key.has_value();
        auto key = config_->vault.key.value_or(config::SecretRef{});
        if (!facts.configured) {
            const auto directory = look_at_file(config_->state_dir);
            facts.directory_owner = directory.owner;
            facts.directory_owner_name = directory.owner_name;
            facts.file = look_at_file(config_->state_dir + "/vault.key");
            key = {.text = std::string{kFile} + facts.file.path, .option = "vault.key"};
            if (!facts.file.there) {
                database_->count_sealed(facts);
                return {.value = std::move(facts)};
            }
        }
        Secret text;
        try {
            text = config::resolve(key);
        } catch (const Error& error) {
            (is_hidden(key) || facts.configured ? facts.unreadable : facts.malformed) = error.what();
            return {.value = std::move(facts)};
        }
        try {
            database_->try_vault(store::Vault{store::Vault::parse_key(text)}, facts);
        } catch (const Error& error) {
            facts.malformed =
                facts.configured ? error.what() : fmt::format("the vault key file '{}' holds no key", facts.file.path);
        }
        return {.value = std::move(facts)};
    }

    Seen<SocketFacts> socket() const {
        const auto path = control_socket();
        if (!path) return {.reason = "there is no Unix socket in 'listen'", .remedy = "See the check 'daemon'."};
        return {.value = SocketFacts{.file = look_at_file(*path), .group_exists = group_exists("tally")}};
    }

    /// Tokens that end matter where the platform has no way to renew them without a person.
    Seen<ConnectionFacts> connections() const {
        if (!database_) return unconfigured<ConnectionFacts>();
        if (!database_->logins) return {.reason = database_->logins.reason, .remedy = database_->logins.remedy};
        ConnectionFacts facts;
        for (const auto& login : *database_->logins) {
            facts.all += login.all;
            facts.unauthorized += login.unauthorized;
            facts.gone += login.gone;
            const auto platform = catalog_ ? catalog_->find(login.platform) : nullptr;
            const auto* way = platform ? platform->auth.login_of(login.attributes) : nullptr;
            if (way != nullptr && way->refresh) continue;  // tokens of an hour are renewed when they are wanted
            facts.expired += login.expired;
            facts.expiring += login.expiring;
        }
        return {.value = facts};
    }

    void database() {
        if (!database_) {
            add(check_database(unconfigured<DatabaseFacts>()));
            add(check_sessions(unconfigured<DatabaseFacts>()));
            add(check_schema(unconfigured<SchemaFacts>()));
            add(check_roles(unconfigured<RoleFacts>()));
            add(check_reader(unconfigured<ReadFacts>()));
            add(check_partitions(unconfigured<PartitionFacts>()));
        } else {
            add(check_database(database_->server));
            add(check_sessions(database_->server));
            add(check_schema(database_->schema));
            add(check_roles(database_->roles));
            add(check_reader(database_->reader));
            add(check_partitions(database_->partitions));
        }
        add(check_connections(connections()));
    }

    void machine() {
        auto clock = database_ ? database_->clock : ClockFacts{};
        clock.synchronised = clock_is_kept();
        add(check_clock(clock));
        add(check_time_zones(ask_time_zones()));
        add(check_certificates(look_at_certificates()));
        if (!config_) {
            add(check_disk("disk space", unconfigured<DiskFacts>()));
            return;
        }
        add(check_disk("disk space", look_at_disk(config_->state_dir)));
        if (!config_->database.url.empty()) return;
        const auto data = postgres::ClusterPlace{config_->state_dir}.root;
        if (look_at_file(data).there && !same_disk(data, config_->state_dir))
            add(check_disk("database disk", look_at_disk(data)));
    }

    std::optional<std::string> config_path_;
    std::string config_file_;
    std::optional<config::Config> config_;
    std::optional<platform::Catalog> catalog_;
    std::optional<DatabaseProbe> database_;  ///< there when the configuration is
    std::optional<uid_t> daemon_owner_;
    Findings findings_;
};

}  // namespace

Findings examine(const std::optional<std::string>& config_path) {
    return Examination{config_path}.run();
}

}  // namespace tally::doctor
