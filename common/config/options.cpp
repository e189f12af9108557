// SPDX-License-Identifier: Apache-2.0
// Every option, declared once.
#include "common/config/options.hpp"

#include <array>

#include "common/config/readers.hpp"

namespace tally::config {

using namespace std::chrono;

namespace {

template <auto Section, auto Member>
Slot in(Config& config, const Names&) {
    return &(config.*Section.*Member);
}

template <auto Member>
Slot top(Config& config, const Names&) {
    return &(config.*Member);
}

template <auto Member>
Slot tier(Config& config, const Names& names) {
    auto& entry = config.tiers[names.at(0)];
    entry.name = names.at(0);
    return &(entry.*Member);
}

template <auto Member>
Slot platform(Config& config, const Names& names) {
    return &(config.platforms[names.at(0)].*Member);
}

template <auto Member>
Slot channel(Config& config, const Names& names) {
    return &(config.alerts.channels[names.at(0)].*Member);
}

template <auto Member>
Slot app(Config& config, const Names& names) {
    return &(config.platforms[names.at(0)].apps[names.at(1)].*Member);
}

constexpr std::int64_t ms(milliseconds duration) {
    return duration.count();
}

constexpr std::array kOptions{
    Option{.path = "database.url",
           .doc = "The PostgreSQL database to use, as URL or key=value text. "
                  "Empty: tallyd runs a private PostgreSQL under state_dir.",
           .slot = in<&Config::database, &Config::Database::url>,
           .plain = true,
           .reloadable = false},
    Option{.path = "database.reader_url",
           .doc = "Where exports read, such as a standby or a role that may only read. Empty: the same as url.",
           .slot = in<&Config::database, &Config::Database::reader_url>,
           .plain = true,
           .reloadable = false},
    Option{.path = "database.migrate",
           .doc = "Whether tallyd updates the schema at start (auto) or only checks it and refuses an old one (check).",
           .slot = in<&Config::database, &Config::Database::migrate>,
           .reloadable = false},
    Option{.path = "database.sessions",
           .doc = "Database sessions that one tallyd keeps open for its work.",
           .slot = in<&Config::database, &Config::Database::sessions>,
           .min = 1,
           .max = 64,
           .reloadable = false},

    Option{.path = "state_dir",
           .doc = "Where tallyd keeps its own files: the private PostgreSQL, the key file, the socket.",
           .slot = top<&Config::state_dir>,
           .default_text = "$STATE_DIRECTORY, else /var/lib/tally for root and $XDG_STATE_HOME/tally for others",
           .example = "/var/lib/tally",
           .reloadable = false,
           .read = read_path},
    Option{.path = "listen",
           .doc = "Where the API listens: unix:PATH or HOST:PORT. "
                  "Requests over TCP need the header X-Cron-Secret (see api.cron_secret).",
           .slot = top<&Config::listen>,
           .default_text = "unix:$RUNTIME_DIRECTORY/tallyd.sock, else tallyd.sock in state_dir",
           .example = "[unix:/run/tally/tallyd.sock]",
           .reloadable = false},

    Option{.path = "tiers.<name>.every",
           .doc = "Collect at whole multiples of this time: 15m is :00, :15, :30 and :45. Instead of cron.",
           .slot = tier<&Tier::every>,
           .min = ms(1min),
           .max = ms(days{366}),
           .default_text = "15m for premium"},
    Option{.path = "tiers.<name>.cron",
           .doc = "Collect at these times of the zone: minute, hour, day of month, month, day of week. "
                  "Instead of every. A time that the clock skips runs right after the change, one that it shows twice "
                  "runs once; a line whose hour begins with * is an interval and goes on through both. "
                  "Or external: the slots of the tier come from outside, through the function tally_trigger() of "
                  "sql/pg_cron.sql; retries, gaps and runs asked for by hand go on as always.",
           .slot = tier<&Tier::cron>,
           .default_text = "0 2 * * * for free",
           .read = read_cron},
    Option{.path = "tiers.<name>.zone",
           .doc = "The time zone of cron, such as Europe/Berlin.",
           .slot = tier<&Tier::zone>,
           .read = read_zone},
    Option{.path = "tiers.<name>.spread",
           .doc = "Connections start evenly within this time after the moment, each always at its own place. "
                  "With every it must be shorter than that.",
           .slot = tier<&Tier::spread>,
           .min = 0,
           .max = ms(days{7}),
           .default_text = "4h for free, otherwise 0s"},
    Option{.path = "tiers.<name>.slack",
           .doc = "How late a collection may be; when there is more work than time, the nearest deadline goes first.",
           .slot = tier<&Tier::slack>,
           .min = ms(1min),
           .max = ms(days{30}),
           .default_text = "the value of every, with cron 1d"},
    Option{.path = "tiers.<name>.retention",
           .doc = "How long snapshots are kept, in whole days, or forever. "
                  "Days that are older are deleted every night, and are not collected again.",
           .slot = tier<&Tier::retention>,
           .min = ms(days{1}),
           .max = ms(days{36'500}),
           .default_text = "30d for free, otherwise 90d"},
    Option{.path = "tiers.<name>.reports",
           .doc = "Whether a report of every week is built for users of this tier, see tallyd(8), REPORTS.",
           .slot = tier<&Tier::reports>},

    Option{.path = "platforms.<name>.enabled",
           .doc = "Whether this platform is collected.",
           .slot = platform<&PlatformSettings::enabled>},
    Option{.path = "platforms.<name>.base_url",
           .doc = "Replaces scheme, host and port of every URL of this platform, for proxies and tests. "
                  "Plain http only to this machine.",
           .slot = platform<&PlatformSettings::base_url>,
           .example = "https://proxy.example.com",
           .read = read_base_url},
    Option{.path = "platforms.<name>.client_id",
           .doc = "The id of your app at the platform.",
           .slot = platform<&PlatformSettings::client_id>,
           .example = "\"1234567890\"",
           .plain = true},
    Option{.path = "platforms.<name>.client_secret",
           .doc = "The secret of your app.",
           .slot = platform<&PlatformSettings::client_secret>,
           .example = "credential:instagram-secret"},
    Option{.path = "platforms.<name>.concurrency",
           .doc =
               "Connections of this platform that one tallyd may serve at once; 0 is no limit of its own. While there "
               "is work for other platforms, no platform takes more than three quarters of collect.concurrency.",
           .slot = platform<&PlatformSettings::concurrency>,
           .min = 0,
           .max = 4096},
    Option{.path = "platforms.<name>.apps.<app>.client_id",
           .doc = "A further app, for connections whose attribute app names it.",
           .slot = app<&App::client_id>,
           .example = "\"9876543210\"",
           .plain = true},
    Option{.path = "platforms.<name>.apps.<app>.client_secret",
           .doc = "The secret of the further app.",
           .slot = app<&App::client_secret>,
           .example = "file:/etc/tally/instagram-login-secret"},
    Option{.path = "platforms.<name>.apps.<app>.concurrency",
           .doc = "Connections of this app that one tallyd may serve at once; 0 is no limit of its own.",
           .slot = app<&App::concurrency>,
           .min = 0,
           .max = 4096},

    Option{.path = "collect.concurrency",
           .doc = "Requests to platforms that may be under way at once.",
           .slot = in<&Config::collect, &Config::Collect::concurrency>,
           .min = 1,
           .max = 4096},
    Option{.path = "collect.timeout",
           .doc = "The longest time one request may take.",
           .slot = in<&Config::collect, &Config::Collect::timeout>,
           .min = ms(1s),
           .max = ms(10min)},
    Option{.path = "collect.backfill",
           .doc = "How far back missing days are collected, in whole days.",
           .slot = in<&Config::collect, &Config::Collect::backfill>,
           .min = 0,
           .max = ms(days{3650})},
    Option{.path = "collect.attempts",
           .doc = "How often one slot is tried before it counts as failed.",
           .slot = in<&Config::collect, &Config::Collect::attempts>,
           .min = 1,
           .max = 20},
    Option{.path = "collect.retry_base",
           .doc = "The longest wait before the second attempt. "
                  "It doubles with each further one; the real wait is random below it, never less than the platform "
                  "asks for.",
           .slot = in<&Config::collect, &Config::Collect::retry_base>,
           .min = ms(100ms),
           .max = ms(days{1})},
    Option{.path = "collect.retry_ceiling",
           .doc = "Where the wait stops doubling.",
           .slot = in<&Config::collect, &Config::Collect::retry_ceiling>,
           .min = ms(100ms),
           .max = ms(days{7})},
    Option{.path = "collect.grace",
           .doc = "How long tallyd waits at its end for collections under way.",
           .slot = in<&Config::collect, &Config::Collect::grace>,
           .min = 0,
           .max = ms(10min)},

    Option{.path = "history.runs",
           .doc = "How long the log of runs is kept, in whole days; slots that no run served and alerts that are over "
                  "go with it.",
           .slot = in<&Config::history, &Config::History::runs>,
           .min = ms(days{2}),
           .max = ms(days{36'500})},

    Option{
        .path = "history.downgrade_grace",
        .doc =
            "How long a user's numbers stay as the tier before kept them, in whole days, when the new tier keeps less.",
        .slot = in<&Config::history, &Config::History::downgrade_grace>,
        .min = 0,
        .max = ms(days{3650})},

    Option{
        .path = "reports.delay",
        .doc =
            "How long after the week is over, by the clock of the user, its report is built. Platforms count days by "
            "clocks of their own and publish them late: the default, Wednesday at 7, leaves room for a Sunday that "
            "ends in California and is collected once a day.",
        .slot = in<&Config::reports, &Config::Reports::delay>,
        .min = 0,
        .max = ms(days{6})},
    Option{.path = "reports.keep",
           .doc = "How long reports are kept, in whole days.",
           .slot = in<&Config::reports, &Config::Reports::keep>,
           .min = ms(days{7}),
           .max = ms(days{3650})},

    Option{.path = "alerts.channels.<name>.webhook",
           .doc = "The URL to which alerts are sent. Whoever knows it may write there, so it may be a secret.",
           .slot = channel<&AlertChannel::webhook>,
           .example = "credential:alerts-webhook",
           .sample = "chat",
           .plain = true},
    Option{.path = "alerts.channels.<name>.format",
           .doc =
               "What the webhook is sent: slack is {\"text\": …}, which Slack, Mattermost and others take, plain is an "
               "object of kind, reason, severity, title, lines, count and node.",
           .slot = channel<&AlertChannel::format>,
           .sample = "chat"},
    Option{.path = "alerts.channels.<name>.email",
           .doc = "The address to which alerts are mailed, see smtp.",
           .slot = channel<&AlertChannel::email>,
           .example = "ops@example.com",
           .sample = "mail",
           .read = read_address},
    Option{.path = "alerts.channels.<name>.command",
           .doc = "The program that is run for a message: its title is the argument, its lines are the input. "
                  "It has 30 seconds; any exit code but 0 has it tried again.",
           .slot = channel<&AlertChannel::command>,
           .example = "/usr/local/bin/page",
           .sample = "pager",
           .read = read_path},
    Option{.path = "alerts.quiet",
           .doc = "Hours in which only what is urgent is told, such as \"22:00-07:00\"; the rest follows afterwards.",
           .slot = in<&Config::alerts, &Config::Alerts::quiet>,
           .example = "\"22:00-07:00\"",
           .read = read_quiet_hours},
    Option{.path = "alerts.zone",
           .doc = "The time zone of alerts.quiet, such as Europe/Berlin.",
           .slot = in<&Config::alerts, &Config::Alerts::zone>,
           .read = read_zone},
    Option{.path = "alerts.interval",
           .doc = "The shortest time between two messages about the same kind of trouble: what comes meanwhile is told "
                  "together.",
           .slot = in<&Config::alerts, &Config::Alerts::interval>,
           .min = 0,
           .max = ms(days{1})},
    Option{.path = "alerts.remind",
           .doc = "What is open for so long, and nobody has acknowledged, is told again.",
           .slot = in<&Config::alerts, &Config::Alerts::remind>,
           .min = ms(1h),
           .max = ms(days{366})},
    Option{.path = "alerts.backlog",
           .doc = "How far collections may lie behind their deadline before that is an alert.",
           .slot = in<&Config::alerts, &Config::Alerts::backlog>,
           .min = ms(1min),
           .max = ms(days{30})},
    Option{.path = "alerts.staleness",
           .doc = "How long after its deadline a tier may be without any collection that brought something.",
           .slot = in<&Config::alerts, &Config::Alerts::staleness>,
           .min = ms(1min),
           .max = ms(days{30})},
    Option{.path = "alerts.token",
           .doc = "How long before its end a token is an alert that cannot be renewed, or could not: somebody has to "
                  "authorize again.",
           .slot = in<&Config::alerts, &Config::Alerts::token>,
           .min = ms(1h),
           .max = ms(days{90})},
    Option{.path = "alerts.disk",
           .doc = "How many percent of the disk with state_dir should be free.",
           .slot = in<&Config::alerts, &Config::Alerts::disk>,
           .min = 1,
           .max = 90},

    Option{.path = "smtp.url",
           .doc = "The mail server: smtps://HOST:465, or smtp://HOST:587, which must offer STARTTLS unless it is this "
                  "machine.",
           .slot = in<&Config::smtp, &Config::Smtp::url>,
           .example = "smtps://mail.example.com:465",
           .read = read_smtp_url},
    Option{.path = "smtp.from",
           .doc = "The sender of mails.",
           .slot = in<&Config::smtp, &Config::Smtp::from>,
           .example = "tally@example.com",
           .read = read_address},
    Option{.path = "smtp.username",
           .doc = "The name for the mail server. Unset: none is given.",
           .slot = in<&Config::smtp, &Config::Smtp::username>,
           .example = "tally@example.com"},
    Option{.path = "smtp.password",
           .doc = "The password for the mail server.",
           .slot = in<&Config::smtp, &Config::Smtp::password>,
           .example = "credential:smtp-password"},

    Option{
        .path = "api.cron_secret",
        .doc = "What the header X-Cron-Secret must hold in requests over TCP. Unset: they are refused, but for health.",
        .slot = in<&Config::api, &Config::Api::cron_secret>,
        .example = "credential:cron-secret"},
    Option{.path = "vault.key",
           .doc = "The master key that seals all tokens: 32 bytes in hex or base64. "
                  "Without it a key file is made under state_dir; keep a copy of it.",
           .slot = in<&Config::vault, &Config::Vault::key>,
           .example = "credential:vault-key",
           .reloadable = false},

    Option{.path = "log.level",
           .doc = "The least important messages that are written.",
           .slot = in<&Config::log, &Config::Log::level>},
    Option{.path = "log.format",
           .doc = "How messages are written: auto is the journal's own form under systemd and text elsewhere.",
           .slot = in<&Config::log, &Config::Log::format>},
};

}  // namespace

std::span<const Option> options() {
    return kOptions;
}

}  // namespace tally::config
