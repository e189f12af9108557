// SPDX-License-Identifier: Apache-2.0
// One row a command: parsing, usage and help come from here, and the manual page is held against it by a test.
#include "cli/command/commands.hpp"

#include "cli/command/handlers.hpp"
#include "cli/command/shared_options.hpp"

namespace tally::cli {

namespace {

const Option kTokenStdin{"token-stdin", "", "read the token from stdin (asked for without echo on a terminal)"};
const Option kTokenFile{"token-file", "FILE", "read the token from a file"};
const Option kAttribute{"attribute", "NAME=VALUE", "an attribute of the connection", false, true};
const Option kOnlyPlatform{"platform", "PLATFORM", "only this platform"};

std::vector<Command> general_commands() {
    return {
        {"status",
         "",
         {},
         {{"watch", "", "show it anew every two seconds until interrupted"}},
         "how it is going: daemon, database, backlog, what needs you",
         "One page: daemon, database, what needs a human, backlog, runs, tiers, platforms and nodes.\n\n"
         "Example:\n  tallyctl status\n  tallyctl status --output json | jq '.attention[]'",
         show_status},
        {"run",
         "",
         {},
         {kOnlyUser,
          kOnlyPlatform,
          kOnlyAccount,
          kFrom,
          kTo,
          {"wait", "", "wait until all are collected; the exit code tells how it went"},
          {"dry-run", "", "show what would be asked and what it costs, ask nothing"}},
         "collect now",
         "Collects the connections that match, all of them when nothing is said, ahead of their schedule. With --from "
         "or\n"
         "--to exactly those days are collected, known or not. With --wait the exit code is 0 when all went well, 3 "
         "when\n"
         "some failed, 1 when all failed; an interrupt (exit 130) ends the waiting, not the collection. With "
         "--dry-run\n"
         "nothing is asked: it prints the requests, and what they cost of the platforms' limits.\n\n"
         "Example:\n  tallyctl run --user acme --platform instagram --from -7d --wait",
         trigger_run},
        {"why",
         "",
         {kUser, kPlatform},
         {kAccount},
         "why a connection has not run, in one sentence",
         "Says what a connection waits for: its next slot, another attempt, an empty budget, a platform that is down, "
         "a\n"
         "person. With --output json 'reason' is one of not_due, due, running, retry, blocked, platform_down, paused,\n"
         "needs_authorization, gone and disabled.\n\n"
         "Example:\n  tallyctl why acme instagram",
         explain_wait},
    };
}

std::vector<Command> user_commands() {
    return {
        {"user",
         "add",
         {kUser},
         {{"tier", "TIER", "such as free or premium", true},
          {"zone", "ZONE", "the user's time zone (default: UTC)"},
          {"report-to", "ADDRESS", "to whom the weekly reports are mailed"}},
         "register a user",
         "Registers a user. Fails when the user exists; 'user set' changes one.\n\n"
         "Example:\n  tallyctl user add acme --tier premium --zone Europe/Berlin",
         add_user},
        {"user",
         "set",
         {kUser},
         {{"tier", "TIER", "the new tier"},
          {"zone", "ZONE", "the new time zone"},
          {"report-to", "ADDRESS", "to whom the weekly reports are mailed; '' is nobody"}},
         "change a user's tier, time zone or address",
         "Changes what is given and keeps the rest.\n\n"
         "Example:\n  tallyctl user set acme --tier free",
         set_user},
        {"user",
         "list",
         {},
         {{"tier", "TIER", "only this tier"}},
         "list users",
         "Lists the users in the order of their ids.\n\nExample:\n  tallyctl user list --tier premium",
         list_users},
        {"user",
         "show",
         {kUser},
         {},
         "one user with all connections",
         "Shows a user and the state of every connection.\n\nExample:\n  tallyctl user show acme",
         show_user},
        {"user",
         "remove",
         {kUser},
         {},
         "end a user's collection",
         "Ends collection and forgets the tokens; the numbers stay.\n\nExample:\n  tallyctl user remove acme",
         remove_user},
        {"user",
         "import",
         {{"FILE"}},
         {},
         "register many users and connections from NDJSON",
         "FILE (- is stdin) has one user a line: a JSON object with id, tier, zone, report_to and connections, a list "
         "of\n"
         "objects with platform, account, token (the bare token or an object) and attributes. Importing again is "
         "harmless. "
         "Lines\n"
         "that are refused are named on stderr; exit code 3 when some were, 1 when all were.\n\n"
         "Example:\n  echo "
         "'{\"id\":\"acme\",\"tier\":\"free\",\"connections\":[{\"platform\":\"youtube\",\"account\":\"UC1\","
         "\"token\":\"…\"}]}' | tallyctl user import -",
         import_users},
    };
}

std::vector<Command> connection_commands() {
    return {
        {"connection",
         "add",
         {kUser, kPlatform},
         {{"account", "ID", "the platform's account id", true}, kTokenStdin, kTokenFile, kAttribute},
         "connect an account, or give it a new token",
         "The token is read from stdin or from a file, never from the command line. It is the bare access token or a\n"
         "JSON object with access_token, refresh_token, expires_at (RFC 3339) and attributes. Adding a connection "
         "records\n"
         "the user's consent.\n\n"
         "Example:\n  tallyctl connection add acme instagram --account 17841400000000000 --token-stdin < token",
         add_connection},
        {"connection",
         "authorize",
         {kUser, kPlatform},
         {kAccount,
          {"login", "NAME", "the way to log in, where the platform has several (see the platform file)"},
          {"flow", "code|device", "default: device where the platform has it"},
          {"with", "REQUEST", "also ask for what this optional request needs, such as revenue", false, true},
          {"redirect-uri", "URI", "as registered with the platform's app; default: http://localhost"},
          kAttribute},
         "log in and get a token that tallyd keeps alive",
         "Works on a server without a browser: prints an address, and reads from stdin the address that the browser "
         "was\n"
         "sent to after the login, or the code in it. With the device flow there is nothing to paste. The scopes asked "
         "for\n"
         "are those of the requests in the platform file. The new token is tried on the account before it is stored; "
         "the\n"
         "user must exist, the connection need not. The app is platforms.PLATFORM.client_id and client_secret of\n"
         "tallyd.yaml, or the one that attribute 'app' names.\n\n"
         "Example:\n  tallyctl connection authorize acme youtube --account UCacme --with revenue",
         authorize_connection},
        {"connection",
         "list",
         {},
         {kOnlyUser, kOnlyPlatform, {"state", "STATE", "only this state, such as needs_authorization"}},
         "list connections",
         "Lists connections with their state and last run.\n\n"
         "Example:\n  tallyctl connection list --state needs_authorization",
         list_connections},
        {"connection",
         "show",
         {kUser, kPlatform},
         {kAccount},
         "all about one connection",
         "Shows state, attributes, next slot and last run. Tokens are never shown.\n\n"
         "Example:\n  tallyctl connection show acme instagram",
         show_connection},
        {"connection",
         "check",
         {kUser, kPlatform},
         {kAccount},
         "ask the platform whether the token works",
         "Sends one cheap request. Exit code 0 when the platform accepts the token, 1 when it does not.\n\n"
         "Example:\n  tallyctl connection check acme instagram",
         check_connection},
        {"connection",
         "pause",
         {kUser, kPlatform},
         {kAccount},
         "stop collecting for a while",
         "Nothing is asked until 'connection resume'.\n\nExample:\n  tallyctl connection pause acme instagram",
         pause_connection},
        {"connection",
         "resume",
         {kUser, kPlatform},
         {kAccount},
         "collect again",
         "Ends a pause; missed days are collected as far as the platform still has them.\n\n"
         "Example:\n  tallyctl connection resume acme instagram",
         resume_connection},
        {"connection",
         "remove",
         {kUser, kPlatform},
         {kAccount},
         "end collection and forget the token",
         "The numbers stay.\n\nExample:\n  tallyctl connection remove acme instagram",
         remove_connection},
    };
}

std::vector<Command> job_commands() {
    return {
        {"job",
         "list",
         {},
         {kOnlyUser,
          kOnlyPlatform,
          {"state", "STATE", "only succeeded, partial, failed or running"},
          {"limit", "N", "at most so many (default: 50)"}},
         "the latest runs",
         "Lists runs, the latest first.\n\nExample:\n  tallyctl job list --state failed --limit 20",
         list_jobs},
        {"job",
         "show",
         {{"ID"}},
         {},
         "all about one run",
         "Shows what was asked, what was stored and what failed.\n\nExample:\n  tallyctl job show 48213",
         show_job},
    };
}

std::vector<Command> duty_commands() {
    return {
        {"duty",
         "list",
         {},
         {},
         "what tallyd does beside collecting",
         "Lists the duties (statistics, clean-up, history, partitions, reports, retention): when each is due next, "
         "when it was "
         "done\n"
         "last, how long that took and what came of it. Each is done by one node at a time.\n\n"
         "Example:\n  tallyctl duty list",
         list_duties},
        {"duty",
         "run",
         {{"NAME"}},
         {{"wait", "", "wait until it is done; the exit code tells how it went"}},
         "do a duty now",
         "Does not wait for the regular time, which stands. With --wait it prints what was done; the exit code is 1 "
         "when the\n"
         "duty failed, and an interrupt (exit 130) ends the waiting, not the duty.\n\n"
         "Example:\n  tallyctl duty run retention --wait",
         run_duty},
    };
}

std::vector<Command> alert_commands() {
    return {
        {"alert",
         "list",
         {},
         {{"all", "", "those that are over too"}},
         "what a person should know",
         "Lists open alerts, one for each cause however often it was seen, the latest first.\n\n"
         "Example:\n  tallyctl alert list",
         list_alerts},
        {"alert",
         "ack",
         {{"ID"}},
         {},
         "say that somebody knows",
         "The alert stays open until its cause is over, but 'status' shows it no more.\n\n"
         "Example:\n  tallyctl alert ack 12",
         ack_alert},
        {"alert",
         "test",
         {},
         {},
         "send a message through every channel",
         "Sends a message that nothing is wrong through every channel of the configuration, waits, and says which took "
         "it.\n\n"
         "Example:\n  tallyctl alert test",
         test_alerts},
        {"budget",
         "",
         {},
         {kOnlyPlatform},
         "what is spent of the platforms' limits, and by whom",
         "Shows every limit with what is used of the running window, what nodes have reserved and when it will be "
         "empty at\n"
         "the present rate (\"-\": not in this window), who was told to wait until when, and the users whose runs made "
         "the\n"
         "most requests.\n\n"
         "Example:\n  tallyctl budget --platform youtube",
         show_budget},
    };
}

std::vector<Command> platform_commands() {
    return {
        {"platform",
         "list",
         {},
         {},
         "list the platforms that are known",
         "Needs neither daemon nor database.\n\nExample:\n  tallyctl platform list",
         list_platforms},
        {"platform",
         "show",
         {{"NAME"}},
         {},
         "what is collected from one platform",
         "Shows requests, metrics and limits of a platform file.\n\nExample:\n  tallyctl platform show instagram",
         show_platform},
        {"platform",
         "check",
         {{"NAME", false}},
         {{"file", "FILE", "check this file"},
          {"connection", "USER/ACCOUNT", "ask the live API with this connection's token"}},
         "check platform files, or what the live API answers",
         "With --connection every metric is asked once, alone, with that connection's token: works, empty, refused "
         "(why),\n"
         "replaced by; the exit code is 3 when some that every account should have are refused, 1 when all are.\n"
         "Otherwise checks one platform, one file, or all. Exit code 78 with file, line and reason when one is "
         "wrong.\n\n"
         "Example:\n  tallyctl platform check --file ./instagram.yaml\n"
         "  tallyctl platform check instagram --connection acme/17841400000000000",
         check_platform},
        {"platform",
         "run",
         {{"FILE"}},
         {{"account", "ID", "the platform's account id", true},
          kTokenStdin,
          kTokenFile,
          kAttribute,
          {"client-id", "ID", "the app's id, for platforms that want it with every request"},
          {"client-secret-file", "FILE", "the app's secret, for platforms that want a proof of it"},
          {"base-url", "URL", "send all requests to this scheme, host and port"},
          kFrom,
          kTo,
          {"format", "table|csv|ndjson", "default: table"},
          {"quiet", "", "do not show plan, requests and answers"}},
         "collect once with a platform file and print the rows",
         "For writing and testing platform files: needs neither daemon nor database and stores nothing. Without dates "
         "the\n"
         "last 30 days are asked. The plan, each request (secrets hidden) and each raw answer are shown on stderr, "
         "unless\n"
         "--quiet; the rows go to stdout.\n\n"
         "Example:\n  tallyctl platform run ./instagram.yaml --account 17841400000000000 --token-file token --from -7d",
         run_platform},
        {"platform",
         "forecast",
         {},
         {{"days", "N", "look so many days ahead (default: 365)"}},
         "which metrics and API versions end or begin soon",
         "Lists by date what the platform files say of ends (until, version_until) and beginnings (since), how many "
         "connections\n"
         "that touches (\"-\" when tallyd does not run) and what replaces it.\n\n"
         "Example:\n  tallyctl platform forecast --days 90",
         forecast_platforms},
    };
}

std::vector<Command> system_commands() {
    return {
        {"config",
         "check",
         {{"FILE", false}},
         {},
         "check the configuration",
         "Reads a configuration completely. Exit code 78 with file, line and reason when it is wrong; secrets that\n"
         "cannot be read from here are warnings, because tallyd may see other credentials.\n"
         "Then it holds the schedules against the platforms' limits: what the connections of the running tallyd need "
         "in "
         "the\n"
         "busiest window, or, without one, how many connections of a tier each limit carries. A limit that cannot be "
         "kept is\n"
         "a warning.\n\n"
         "Example:\n  tallyctl config check /etc/tally/tallyd.yaml && systemctl reload tallyd",
         check_config},
        {"config",
         "show",
         {},
         {},
         "the configuration with all defaults",
         "Prints the effective configuration as YAML (or JSON). Secrets are shown as references.\n\n"
         "Example:\n  tallyctl config show",
         show_config},
        {"schedule",
         "preview",
         {{"TIER"}},
         {{"count", "N", "so many slots (default: 10)"},
          {"zone", "ZONE", "show local times of this zone instead of the tier's"},
          {"around", "dst", "the slots around the next two clock changes of that zone"}},
         "the slots of a tier before they happen",
         "Reads only the configuration. Prints local time, UTC, the distance to the slot before, and why a time is\n"
         "missing or doubled when clocks change. With --around dst so many slots are shown for each change.\n\n"
         "Example:\n  tallyctl schedule preview free --around dst --zone Europe/Berlin",
         preview_schedule},
        {"db",
         "status",
         {},
         {},
         "schema version and pending migrations",
         "Asks the database directly, without the daemon.\n\nExample:\n  tallyctl db status",
         show_database},
        {"db",
         "migrate",
         {},
         {{"dry-run", "", "show what would be applied"}},
         "bring the schema up to date",
         "Applies pending migrations, each in a transaction of its own. tallyd does this itself unless "
         "database.migrate\n"
         "is 'check'.\n\nExample:\n  tallyctl db migrate --dry-run",
         migrate_database},
        {"doctor",
         "",
         {},
         {},
         "look at everything tally needs, and say what to do",
         "Checks configuration, secrets, files, daemon, database, roles, connections, clock, time zones, certificates "
         "and\n"
         "disks; each is ok, a warning, failed or skipped, with what to do. Works without the daemon and with a "
         "broken\n"
         "configuration; root sees most. Changes nothing. Exit code 1 when something failed.\n\n"
         "Example:\n  tallyctl doctor\n  tallyctl doctor --output json | jq '.[] | select(.state == \"failed\")'",
         examine_all},
        {"completion",
         "",
         {{"SHELL"}},
         {},
         "a completion script for bash, zsh or fish",
         "Prints a script for the shell, which then completes commands, options, users, platforms, accounts, metrics,\n"
         "tiers and duties. Without a running daemon its words are missing, and nothing is said.\n\n"
         "Example:\n  tallyctl completion bash > ~/.local/share/bash-completion/completions/tallyctl",
         print_completion},
    };
}

std::vector<Command> all_commands() {
    std::vector<Command> table;
    for (auto part : {general_commands(), number_commands(), user_commands(), connection_commands(), job_commands(),
                      duty_commands(), alert_commands(), platform_commands(), system_commands()})
        table.insert(table.end(), part.begin(), part.end());
    return table;
}

}  // namespace

CommandTable commands() {
    static const auto table = all_commands();
    return table;
}

}  // namespace tally::cli
