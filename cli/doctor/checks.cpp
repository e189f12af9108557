// SPDX-License-Identifier: Apache-2.0
// What is good, what is not, and what to do about it.
#include "cli/doctor/checks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/json_text.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"

namespace tally::doctor {

using namespace std::chrono_literals;

namespace {

constexpr auto kClockWarning = 2s, kClockFailure = 60s;
constexpr std::uintmax_t kMegabyte = 1'000'000, kGigabyte = 1'000 * kMegabyte;
constexpr std::uintmax_t kDiskFailure = 250 * kMegabyte, kDiskWarning = 2 * kGigabyte, kDiskPlenty = 50 * kGigabyte;
constexpr int kOldestServer = 150'000;
constexpr mode_t kOthers = 077, kWorld = 07, kWorldWrites = 02, kGroupReads = 060;
constexpr const char* kLog = "See 'journalctl -u tallyd'.";

Finding good(std::string_view check, std::string message) {
    return {.check = check, .verdict = Verdict::ok, .message = std::move(message), .remedy = {}};
}
Finding warning(std::string_view check, std::string message, std::string remedy) {
    return {.check = check, .verdict = Verdict::warning, .message = std::move(message), .remedy = std::move(remedy)};
}
Finding failed(std::string_view check, std::string message, std::string remedy) {
    return {.check = check, .verdict = Verdict::failed, .message = std::move(message), .remedy = std::move(remedy)};
}
template <class T>
Finding skipped(std::string_view check, const Seen<T>& facts) {
    return {.check = check, .verdict = Verdict::skipped, .message = facts.reason, .remedy = facts.remedy};
}

/// The first one, and how many there are beside it.
std::string first_of(const std::vector<std::string>& list) {
    return list.size() == 1 ? list.front() : fmt::format("{} (and {} more)", list.front(), list.size() - 1);
}

std::string or_else(const std::string& text, std::string_view otherwise) {
    return text.empty() ? std::string{otherwise} : text;
}

Finding check_read(std::string_view check, const ReadFacts& facts, std::string_view otherwise) {
    if (facts.error.empty()) return good(check, facts.what);
    return failed(check, facts.error, or_else(facts.hint, otherwise));
}

}  // namespace

std::string_view to_text(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::ok:
            return "ok";
        case Verdict::warning:
            return "warning";
        case Verdict::failed:
            return "failed";
        case Verdict::skipped:
            break;
    }
    return "skipped";
}

int exit_code_of(const Findings& findings) noexcept {
    const bool any = std::any_of(findings.begin(), findings.end(),
                                 [](const Finding& finding) { return finding.verdict == Verdict::failed; });
    return any ? kExitFailed : kExitDone;
}

// -- Files ------------------------------------------------------------------------------------------------------------

Finding check_configuration(const ReadFacts& facts) {
    return check_read("configuration", facts, "Correct the file; 'tallyctl config check' reads it again.");
}

Finding check_platform_files(const Seen<ReadFacts>& facts) {
    constexpr auto kCheck = "platform files";
    if (!facts) return skipped(kCheck, facts);
    return check_read(kCheck, *facts, "Correct the file; 'tallyctl platform check' reads it again.");
}

Finding check_secrets(const Seen<SecretFacts>& facts) {
    constexpr auto kCheck = "secrets";
    if (!facts) return skipped(kCheck, facts);
    std::vector<std::string> hidden;
    for (const auto& trouble : facts->unread) {
        if (!trouble.hidden)
            return failed(kCheck, trouble.message, or_else(trouble.hint, "Correct what the reference names."));
        hidden.push_back(trouble.message);
    }
    if (!facts->open_files.empty())
        return warning(kCheck, fmt::format("every user of this machine can read {}", first_of(facts->open_files)),
                       fmt::format("Run chmod o-rwx {}.", fmt::join(facts->open_files, " ")));
    if (!hidden.empty())
        return {.check = kCheck,
                .verdict = Verdict::skipped,
                .message = first_of(hidden),
                .remedy = "Only tallyd reads them all; it says in its log when it cannot."};
    return good(kCheck, facts->read == 0 ? "none are configured"
                                         : fmt::format("{} can be read", counted(facts->read, "secret", "secrets")));
}

Finding check_apps(const Seen<std::vector<AppFacts>>& facts) {
    constexpr auto kCheck = "apps";
    if (!facts) return skipped(kCheck, facts);
    std::size_t complete = 0;
    std::vector<std::string> useless, limited, options;
    for (const auto& app : *facts) {
        const bool used = app.connections ? *app.connections > 0 : app.named;
        const bool whole = app.has_id && app.has_secret;
        if (whole) ++complete;
        if (!used || whole) continue;
        const auto path =
            app.app.empty() ? "platforms." + app.platform : fmt::format("platforms.{}.apps.{}", app.platform, app.app);
        (app.asks_with_id && !app.has_id ? useless : limited).push_back(path);
        options.push_back(fmt::format("{}.{}", path, app.has_id ? "client_secret" : "client_id"));
    }
    const auto remedy = options.empty() ? std::string{}
                                        : fmt::format("Set {} (see tallyd.yaml(5)), then: systemctl reload tallyd.",
                                                      fmt::join(options, ", "));
    if (!useless.empty())
        return failed(kCheck, fmt::format("{}: no client_id, which every request needs", fmt::join(useless, ", ")),
                      remedy);
    if (!limited.empty())
        return warning(kCheck,
                       fmt::format("{}: client_id or client_secret is missing: tokens cannot be renewed",
                                   fmt::join(limited, ", ")),
                       remedy);
    return good(kCheck,
                complete == 0 ? "no platform in use needs one" : counted(complete, "app is set", "apps are set"));
}

Finding check_state_directory(const Seen<StateFacts>& facts) {
    constexpr auto kCheck = "state directory";
    if (!facts) return skipped(kCheck, facts);
    const auto& directory = facts->directory;
    if (!directory.trouble.empty())
        return {.check = kCheck,
                .verdict = Verdict::skipped,
                .message = directory.trouble,
                .remedy = "Run doctor as root."};
    if (!directory.there)
        return warning(kCheck, fmt::format("'{}' is not there", directory.path),
                       "tallyd makes it when it starts. Is state_dir the one that tallyd was used with?");
    if ((directory.mode & kWorldWrites) != 0)
        return failed(kCheck, fmt::format("every user of this machine may write to '{}'", directory.path),
                      fmt::format("Run chmod o-w {}.", directory.path));
    if (facts->daemon && *facts->daemon != 0 && *facts->daemon != directory.owner)
        return failed(kCheck,
                      fmt::format("'{}' belongs to {}, and tallyd runs as {}", directory.path, directory.owner_name,
                                  facts->daemon_name),
                      fmt::format("Run chown {} {}.", facts->daemon_name, directory.path));
    return good(kCheck, fmt::format("{}, of {}, mode {:04o}", directory.path, directory.owner_name, directory.mode));
}

Finding check_vault_key(const Seen<VaultFacts>& facts) {
    constexpr auto kCheck = "vault key";
    constexpr const char* kLost =
        "Restore the key from its backup. When there is none, see tally(7), BACKUP AND RESTORE.";
    if (!facts) return skipped(kCheck, facts);
    const auto& file = facts->file;
    const auto name = facts->configured ? std::string{"vault.key"} : fmt::format("'{}'", file.path);
    const bool needed = facts->sealed.value_or(0) > 0;
    if (!facts->configured) {
        if (!file.trouble.empty())
            return {
                .check = kCheck, .verdict = Verdict::skipped, .message = file.trouble, .remedy = "Run doctor as root."};
        if (!file.there && needed)
            return failed(kCheck, fmt::format("{} is not there, and the database holds tokens that it sealed", name),
                          kLost);
        if (!file.there) return good(kCheck, fmt::format("{} is not there yet: tallyd makes it when it starts", name));
        if ((file.mode & kOthers) != 0)
            return failed(kCheck, fmt::format("{} is open to others (mode {:04o})", name, file.mode),
                          fmt::format("Run chmod 600 {}.", file.path));
        if (file.owner != facts->directory_owner)
            return failed(kCheck,
                          fmt::format("{} belongs to {}, and the state directory to {}", name, file.owner_name,
                                      facts->directory_owner_name),
                          fmt::format("Run chown {} {}.", facts->directory_owner_name, file.path));
    }
    if (!facts->unreadable.empty())
        return {.check = kCheck,
                .verdict = Verdict::skipped,
                .message = facts->unreadable,
                .remedy = "Run doctor as root; only tallyd sees its credentials and its environment."};
    if (!facts->malformed.empty()) return failed(kCheck, facts->malformed, kLost);
    if (facts->unopened.value_or(0) > 0)
        return failed(kCheck,
                      *facts->unopened == *facts->sealed
                          ? fmt::format("{} does not open the tokens in the database", name)
                          : fmt::format("{} opens the tokens of {} of {} users in the database", name,
                                        *facts->sealed - *facts->unopened, *facts->sealed),
                      kLost);
    auto message = facts->configured ? name : fmt::format("{}, mode {:04o}", name, file.mode);
    message += !facts->sealed ? "; whether it opens the tokens could not be tried"
               : needed       ? "; it opens the tokens in the database"
                              : "; there are no tokens yet";
    return good(kCheck, std::move(message));
}

Finding check_socket(const Seen<SocketFacts>& facts) {
    constexpr auto kCheck = "socket";
    if (!facts) return skipped(kCheck, facts);
    const auto& file = facts->file;
    if (!file.trouble.empty())
        return {.check = kCheck,
                .verdict = Verdict::skipped,
                .message = file.trouble,
                .remedy = "Run doctor as root or as a member of the group 'tally'."};
    if (!file.there)
        return {.check = kCheck,
                .verdict = Verdict::skipped,
                .message = fmt::format("'{}' is not there: tallyd makes it when it starts", file.path),
                .remedy = "Start tallyd: systemctl start tallyd."};
    if ((file.mode & kWorld) != 0)
        return failed(kCheck, fmt::format("'{}' is open to every user (mode {:04o})", file.path, file.mode),
                      "Restart tallyd, which sets the mode: systemctl restart tallyd.");
    if (facts->group_exists && (file.mode & kGroupReads) != kGroupReads)
        return warning(
            kCheck, fmt::format("the group 'tally' may not use '{}' (mode {:04o})", file.path, file.mode),
            "Let tallyd run with that group, so that it can hand the socket to it: Group=tally in its unit.");
    return good(kCheck, fmt::format("{}, of {}, mode {:04o}", file.path, file.owner_name, file.mode));
}

// -- The daemon -------------------------------------------------------------------------------------------------------

Finding check_daemon(const Seen<DaemonFacts>& facts, std::string_view own_version, std::string_view own_config_file) {
    constexpr auto kCheck = "daemon";
    if (!facts) return skipped(kCheck, facts);
    if (!facts->answers) return failed(kCheck, facts->trouble, or_else(facts->hint, kLog));
    if (!facts->sick.empty()) return failed(kCheck, fmt::format("runs, and is not well: {}", facts->sick), kLog);
    if (facts->version != own_version)
        return warning(kCheck, fmt::format("tallyd has version {}, and this tallyctl {}", facts->version, own_version),
                       "Install the same release of both, then: systemctl restart tallyd.");
    if (!facts->reload_error.empty())
        return warning(kCheck,
                       fmt::format("the last reload was refused, the old configuration stays: {}", facts->reload_error),
                       "Correct the configuration, then: systemctl reload tallyd.");
    if (facts->config_file != own_config_file)
        return warning(kCheck,
                       fmt::format("tallyd reads {}, and this looked at {}", or_else(facts->config_file, "no file"),
                                   or_else(std::string{own_config_file}, "no file")),
                       "Say which one is meant with --config.");
    return good(kCheck, fmt::format("runs, version {}", facts->version));
}

Finding check_attention(const Seen<DaemonFacts>& facts) {
    constexpr auto kCheck = "attention";
    if (!facts) return skipped(kCheck, facts);
    if (!facts->answers || !facts->sick.empty())
        return {.check = kCheck,
                .verdict = Verdict::skipped,
                .message = "only a running tallyd with its database tells what needs a person",
                .remedy = "See the check 'daemon'."};
    if (facts->attention.empty()) return good(kCheck, "nothing needs you");
    return warning(kCheck, first_of(facts->attention), "'tallyctl status' shows all of it.");
}

// -- The database -----------------------------------------------------------------------------------------------------

Finding check_database(const Seen<DatabaseFacts>& facts) {
    constexpr auto kCheck = "database";
    if (!facts) return skipped(kCheck, facts);
    if (!facts->error.empty())
        return failed(kCheck, facts->error, or_else(facts->hint, "Check database.url and the server's log."));
    const auto version = fmt::format("{}.{}", facts->version_number / 10'000, facts->version_number % 10'000);
    if (facts->version_number < kOldestServer)
        return failed(kCheck, fmt::format("{} is PostgreSQL {}, and tally needs 15 or newer", facts->url, version),
                      "Upgrade the server (pg_upgrade), or point database.url at a newer one.");
    if (facts->standby)
        return failed(kCheck, fmt::format("{} is a standby, which takes no writes", facts->url),
                      "Point database.url at the primary; several hosts with target_session_attrs=read-write find it.");
    return good(kCheck, fmt::format("{}, PostgreSQL {}", facts->url, version));
}

Finding check_sessions(const Seen<DatabaseFacts>& facts) {
    constexpr auto kCheck = "sessions";
    if (!facts) return skipped(kCheck, facts);
    if (!facts->error.empty())
        return {.check = kCheck,
                .verdict = Verdict::skipped,
                .message = "the database does not answer",
                .remedy = "See the check 'database'."};
    if (!facts->not_own.empty()) return failed(kCheck, facts->not_own, facts->not_own_fix);
    return good(kCheck, facts->is_private ? "of tallyd's own PostgreSQL" : "its own, no transaction pooler");
}

Finding check_schema(const Seen<SchemaFacts>& facts) {
    constexpr auto kCheck = "schema";
    if (!facts) return skipped(kCheck, facts);
    if (!facts->error.empty())
        return failed(kCheck, facts->error, or_else(facts->hint, "Install the release that this database needs."));
    if (facts->pending.empty()) return good(kCheck, fmt::format("version {}, up to date", facts->version));
    const auto text = fmt::format("version {}, {}", facts->version,
                                  counted(facts->pending.size(), "migration is pending", "migrations are pending"));
    if (facts->applied_at_start)
        return warning(kCheck, text, "tallyd applies them when it starts: systemctl restart tallyd.");
    return failed(kCheck, text, "Run 'tallyctl db migrate'; database.migrate is 'check', so tallyd does not.");
}

Finding check_roles(const Seen<RoleFacts>& facts) {
    constexpr auto kCheck = "roles";
    if (!facts) return skipped(kCheck, facts);
    if (!facts->missing.empty())
        return failed(kCheck, fmt::format("missing: {}", fmt::join(facts->missing, ", ")),
                      "Start tallyd, which makes them where it may; else let a superuser run sql/roles.sql in this "
                      "database.");
    if (!facts->not_member.empty())
        return failed(
            kCheck, fmt::format("'{}' may not act as {}", facts->login, fmt::join(facts->not_member, ", ")),
            fmt::format("Let a superuser say: GRANT {} TO \"{}\";", fmt::join(facts->not_member, ", "), facts->login));
    for (const auto& right : facts->rights) {
        if (right.wanted && !right.held)
            return failed(
                kCheck, fmt::format("{} lacks {} on {}", right.role, right.privilege, right.object),
                fmt::format("Say as tally_admin: GRANT {} ON {} TO {};", right.privilege, right.object, right.role));
    }
    for (const auto& right : facts->rights) {
        if (!right.wanted && right.held)
            return warning(
                kCheck, fmt::format("{} has {} on {}, which it should not", right.role, right.privilege, right.object),
                fmt::format(
                    "Say: REVOKE {} ON {} FROM {}; and see whether the role is a superuser or member of another.",
                    right.privilege, right.object, right.role));
    }
    return good(kCheck, facts->rights.empty() ? "all three are there" : "all three, with the rights they need");
}

Finding check_reader(const Seen<ReadFacts>& facts) {
    constexpr auto kCheck = "reader";
    if (!facts) return skipped(kCheck, facts);
    return check_read(kCheck, *facts, "Say as tally_admin: GRANT tally_reader TO the login of database.reader_url.");
}

Finding check_partitions(const Seen<PartitionFacts>& facts) {
    constexpr auto kCheck = "partitions";
    if (!facts) return skipped(kCheck, facts);
    if (facts->missing.empty()) return good(kCheck, "this and the next month, today and tomorrow are there");
    return warning(kCheck, fmt::format("not made ahead: {}", fmt::join(facts->missing, ", ")),
                   "The duty 'partitions' makes them every hour: see 'tallyctl duty list'. Runs make what they need.");
}

Finding check_connections(const Seen<ConnectionFacts>& facts) {
    constexpr auto kCheck = "connections";
    if (!facts) return skipped(kCheck, facts);
    std::vector<std::string> parts;
    if (facts->unauthorized > 0)
        parts.push_back(counted(facts->unauthorized, "needs authorization", "need authorization"));
    if (facts->expired > 0) parts.push_back(counted(facts->expired, "has an expired token", "have expired tokens"));
    if (facts->expiring > 0)
        parts.push_back(counted(facts->expiring, "has a token that ends within a week and cannot be renewed",
                                "have tokens that end within a week and cannot be renewed"));
    if (facts->gone > 0) parts.push_back(counted(facts->gone, "is gone", "are gone"));
    if (parts.empty()) return good(kCheck, fmt::format("{}, none waits for a person", with_separators(facts->all)));
    return warning(kCheck,
                   fmt::format("of {}: {}", counted(facts->all, "connection", "connections"), fmt::join(parts, ", ")),
                   facts->unauthorized + facts->expired + facts->expiring > 0
                       ? "Give them new tokens: 'tallyctl connection authorize USER PLATFORM'; which ones: 'tallyctl "
                         "connection list --state needs_authorization'."
                       : "See 'tallyctl connection list --state gone'; 'connection remove' forgets them.");
}

// -- The machine ------------------------------------------------------------------------------------------------------

Finding check_clock(const ClockFacts& facts) {
    constexpr auto kCheck = "clock";
    constexpr const char* kRemedy =
        "Let a time service keep the clocks of both machines, such as systemd-timesyncd or chrony: timedatectl.";
    if (facts.ahead) {
        const auto apart = std::chrono::abs(*facts.ahead);
        const auto certain = std::max(apart - facts.uncertain, 0ms);
        auto text = fmt::format("this machine is {} {} of the database", render_duration(apart),
                                facts.ahead->count() > 0 ? "ahead" : "behind");
        if (certain >= kClockFailure) return failed(kCheck, std::move(text), kRemedy);
        if (certain >= kClockWarning) return warning(kCheck, std::move(text), kRemedy);
    }
    if (facts.synchronised == false) return warning(kCheck, "no time service keeps this machine's clock", kRemedy);
    auto text = !facts.ahead ? std::string{"the database's could not be read"}
                             : fmt::format("within {} of the database's",
                                           render_duration(std::max(std::chrono::abs(*facts.ahead), 1ms)));
    if (facts.synchronised) text += "; a time service keeps it";
    return good(kCheck, std::move(text));
}

Finding check_time_zones(const std::vector<ZoneAnswer>& answers) {
    constexpr auto kCheck = "time zones";
    for (const auto& answer : answers) {
        if (!answer.found)
            return failed(kCheck, fmt::format("the zone '{}' cannot be read", answer.zone),
                          "Install the time zone data: apt-get install tzdata.");
    }
    for (const auto& answer : answers) {
        if (*answer.found != answer.wanted)
            return warning(kCheck, fmt::format("the data is older than release {} ({})", answer.release, answer.zone),
                           "Upgrade it, then restart tallyd: apt-get install --only-upgrade tzdata.");
    }
    return good(kCheck, answers.empty() ? "nothing was asked"
                                        : fmt::format("the data is of release {} or newer", answers.back().release));
}

Finding check_certificates(const CertificateFacts& facts) {
    constexpr auto kCheck = "certificates";
    if (facts.in_file > 0)
        return good(kCheck, fmt::format("{} in {}", counted(facts.in_file, "root", "roots"), facts.file));
    // libcurl gives up when its file is not there, whatever the directory holds.
    if (facts.file.empty() && facts.in_directory) return good(kCheck, fmt::format("roots in {}", facts.directory));
    return failed(kCheck,
                  facts.file.empty()
                      ? "libcurl knows of no root certificates"
                      : fmt::format("'{}' holds no root certificates: no platform can be trusted", facts.file),
                  "Install them: apt-get install ca-certificates, then update-ca-certificates.");
}

Finding check_disk(std::string_view check, const Seen<DiskFacts>& facts) {
    if (!facts) return skipped(check, facts);
    const auto text = fmt::format("{} free of {} at {}", cli::render_size(static_cast<std::int64_t>(facts->free)),
                                  cli::render_size(static_cast<std::int64_t>(facts->size)), facts->path);
    constexpr const char* kRemedy =
        "Make room; 'tiers.<name>.retention' and 'history.runs' say how long numbers and the log are kept.";
    if (facts->free < kDiskFailure) return failed(check, text, kRemedy);
    // Some file systems have no fixed number of files.
    if (facts->files > 0 && facts->free_files < facts->files / 100)
        return warning(check, fmt::format("nearly no files can be made any more at {}", facts->path),
                       "See 'df -i'; remove files.");
    const bool scarce = facts->free < kDiskPlenty && facts->free < facts->size / 20;
    if (facts->free < kDiskWarning || scarce) return warning(check, text, kRemedy);
    return good(check, text);
}

}  // namespace tally::doctor
