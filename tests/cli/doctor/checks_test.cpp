// SPDX-License-Identifier: Apache-2.0
// What doctor makes of facts, by table.
#include "cli/doctor/checks.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"

using namespace tally;
using namespace tally::doctor;
using namespace std::chrono_literals;

namespace {

bool says(const Finding& finding, std::string_view part) {
    return finding.message.find(part) != std::string::npos;
}

bool advises(const Finding& finding, std::string_view part) {
    return finding.remedy.find(part) != std::string::npos;
}

FileFacts file(mode_t mode, uid_t owner = 0) {
    return {.path = "/var/lib/tally/vault.key",
            .there = true,
            .trouble = {},
            .mode = mode,
            .owner = owner,
            .owner_name = owner == 0 ? "root" : "tally"};
}

DatabaseFacts database() {
    DatabaseFacts facts;
    facts.url = "postgresql://tally@db/tally";
    facts.version_number = 150'004;
    return facts;
}

DaemonFacts daemon() {
    DaemonFacts facts;
    facts.answers = true;
    facts.version = "1.0";
    facts.config_file = "/etc/tally/tallyd.yaml";
    return facts;
}

template <class T>
Seen<T> seen(T facts) {
    return {.value = std::move(facts)};
}

}  // namespace

TEST_CASE("only what failed makes doctor fail") {
    const Finding ok{.check = "a", .verdict = Verdict::ok, .message = {}, .remedy = {}};
    auto warning = ok, skipped = ok, failed = ok;
    warning.verdict = Verdict::warning;
    skipped.verdict = Verdict::skipped;
    failed.verdict = Verdict::failed;
    CHECK(exit_code_of({ok, warning, skipped}) == kExitDone);
    CHECK(exit_code_of({ok, failed, skipped}) == kExitFailed);
    CHECK(exit_code_of({}) == kExitDone);
}

TEST_CASE("what could not be seen is skipped, with the reason") {
    const auto unseen = [](auto facts) {
        facts.reason = "why";
        facts.remedy = "how";
        return facts;
    };
    const Findings findings{check_platform_files(unseen(Seen<ReadFacts>{})),
                            check_secrets(unseen(Seen<SecretFacts>{})),
                            check_apps(unseen(Seen<std::vector<AppFacts>>{})),
                            check_state_directory(unseen(Seen<StateFacts>{})),
                            check_vault_key(unseen(Seen<VaultFacts>{})),
                            check_socket(unseen(Seen<SocketFacts>{})),
                            check_daemon(unseen(Seen<DaemonFacts>{}), "1.0", ""),
                            check_attention(unseen(Seen<DaemonFacts>{})),
                            check_database(unseen(Seen<DatabaseFacts>{})),
                            check_sessions(unseen(Seen<DatabaseFacts>{})),
                            check_schema(unseen(Seen<SchemaFacts>{})),
                            check_roles(unseen(Seen<RoleFacts>{})),
                            check_reader(unseen(Seen<ReadFacts>{})),
                            check_partitions(unseen(Seen<PartitionFacts>{})),
                            check_connections(unseen(Seen<ConnectionFacts>{})),
                            check_disk("disk space", unseen(Seen<DiskFacts>{}))};
    for (const auto& finding : findings) {
        CAPTURE(finding.check);
        CHECK(finding.verdict == Verdict::skipped);
        CHECK(finding.message == "why");
        CHECK(finding.remedy == "how");
    }
}

TEST_CASE("a configuration that cannot be read fails with its own hint, or with ours") {
    CHECK(check_configuration({.what = "/etc/tally/tallyd.yaml", .error = {}, .hint = {}}).verdict == Verdict::ok);
    const auto hinted = check_configuration({.what = {}, .error = "t.yaml:3: listen: unknown key", .hint = "Did you?"});
    CHECK(hinted.verdict == Verdict::failed);
    CHECK(says(hinted, "t.yaml:3"));
    CHECK(hinted.remedy == "Did you?");
    CHECK(advises(check_configuration({.what = {}, .error = "broken", .hint = {}}), "tallyctl config check"));
}

TEST_CASE("secrets: a missing one fails, one that only tallyd may read is skipped, an open file is a warning") {
    SecretFacts facts;
    CHECK(says(check_secrets(seen(facts)), "none are configured"));
    facts.read = 2;
    CHECK(says(check_secrets(seen(facts)), "2 secrets can be read"));
    facts.unread.push_back({.message = "smtp.password: 'credential:smtp' cannot be read", .hint = "x", .hidden = true});
    CHECK(check_secrets(seen(facts)).verdict == Verdict::skipped);
    facts.open_files = {"/etc/tally/secret"};
    CHECK(check_secrets(seen(facts)).verdict == Verdict::warning);
    CHECK(advises(check_secrets(seen(facts)), "chmod o-rwx /etc/tally/secret"));
    facts.unread.push_back({.message = "vault.key: 'file:/x' cannot be read", .hint = {}, .hidden = false});
    const auto finding = check_secrets(seen(facts));
    CHECK(finding.verdict == Verdict::failed);
    CHECK(says(finding, "vault.key"));
    CHECK_FALSE(finding.remedy.empty());
}

TEST_CASE("apps: an app matters where connections use it, or the configuration names it while nobody can count") {
    const auto verdict = [](std::optional<std::int64_t> connections, bool named, bool id, bool secret, bool asks) {
        return check_apps(seen(std::vector<AppFacts>{{.platform = "twitch",
                                                      .app = "",
                                                      .connections = connections,
                                                      .named = named,
                                                      .has_id = id,
                                                      .has_secret = secret,
                                                      .asks_with_id = asks}}))
            .verdict;
    };
    CHECK(verdict(0, true, false, false, true) == Verdict::ok);
    CHECK(verdict(3, false, true, true, true) == Verdict::ok);
    CHECK(verdict(3, false, false, false, false) == Verdict::warning);
    CHECK(verdict(3, false, true, false, true) == Verdict::warning);
    CHECK(verdict(3, false, false, true, true) == Verdict::failed);
    CHECK(verdict(std::nullopt, true, false, false, true) == Verdict::failed);
    CHECK(verdict(std::nullopt, false, false, false, true) == Verdict::ok);
    const auto further = check_apps(seen(std::vector<AppFacts>{
        {.platform = "instagram", .app = "login", .connections = 1, .named = true, .has_id = true}}));
    CHECK(advises(further, "platforms.instagram.apps.login.client_secret"));
}

TEST_CASE("the state directory belongs to the daemon and to nobody else") {
    StateFacts facts;
    facts.directory = file(0755, 5);
    CHECK(check_state_directory(seen(facts)).verdict == Verdict::ok);
    facts.daemon = 5;
    CHECK(check_state_directory(seen(facts)).verdict == Verdict::ok);
    facts.daemon = 0;
    CHECK(check_state_directory(seen(facts)).verdict == Verdict::ok);
    facts.daemon = 6;
    facts.daemon_name = "tallyd";
    CHECK(check_state_directory(seen(facts)).verdict == Verdict::failed);
    CHECK(advises(check_state_directory(seen(facts)), "chown tallyd"));
    facts.daemon.reset();
    facts.directory.mode = 01777;
    CHECK(check_state_directory(seen(facts)).verdict == Verdict::failed);
    facts.directory.there = false;
    CHECK(check_state_directory(seen(facts)).verdict == Verdict::warning);
    facts.directory.trouble = "permission denied";
    CHECK(check_state_directory(seen(facts)).verdict == Verdict::skipped);
}

TEST_CASE("the vault key is there, closed, of the right owner, and opens the tokens") {
    VaultFacts facts;
    facts.file = file(0600);
    facts.directory_owner_name = "root";
    CHECK(says(check_vault_key(seen(facts)), "could not be tried"));
    facts.sealed = 0;
    facts.unopened = 0;
    CHECK(says(check_vault_key(seen(facts)), "no tokens yet"));
    facts.sealed = 7;
    CHECK(check_vault_key(seen(facts)).verdict == Verdict::ok);
    CHECK(says(check_vault_key(seen(facts)), "opens the tokens"));

    SUBCASE("another key") {
        facts.unopened = 7;
        CHECK(check_vault_key(seen(facts)).verdict == Verdict::failed);
        CHECK(says(check_vault_key(seen(facts)), "does not open the tokens"));
        CHECK(advises(check_vault_key(seen(facts)), "BACKUP AND RESTORE"));
        facts.unopened = 3;
        CHECK(says(check_vault_key(seen(facts)), "4 of 7 users"));
    }
    SUBCASE("open to others") {
        facts.file.mode = 0640;
        CHECK(check_vault_key(seen(facts)).verdict == Verdict::failed);
        CHECK(advises(check_vault_key(seen(facts)), "chmod 600"));
    }
    SUBCASE("of another owner than the directory") {
        facts.directory_owner = 5;
        facts.directory_owner_name = "tally";
        CHECK(check_vault_key(seen(facts)).verdict == Verdict::failed);
        CHECK(advises(check_vault_key(seen(facts)), "chown tally"));
    }
    SUBCASE("no key in the file, or none that may be read") {
        facts.malformed = "holds no key";
        CHECK(check_vault_key(seen(facts)).verdict == Verdict::failed);
        facts.unreadable = "may not be read";
        CHECK(check_vault_key(seen(facts)).verdict == Verdict::skipped);
    }
    SUBCASE("missing: bad news only when something was sealed with it") {
        facts.file.there = false;
        CHECK(check_vault_key(seen(facts)).verdict == Verdict::failed);
        facts.sealed = 0;
        CHECK(check_vault_key(seen(facts)).verdict == Verdict::ok);
        facts.sealed.reset();
        CHECK(check_vault_key(seen(facts)).verdict == Verdict::ok);
    }
    SUBCASE("from the configuration there is no file to look at") {
        facts.configured = true;
        facts.file = {};
        CHECK(check_vault_key(seen(facts)).verdict == Verdict::ok);
        facts.unopened = 7;
        CHECK(check_vault_key(seen(facts)).verdict == Verdict::failed);
    }
}

TEST_CASE("the socket is for its owner and the group") {
    SocketFacts facts{.file = file(0660), .group_exists = true};
    CHECK(check_socket(seen(facts)).verdict == Verdict::ok);
    facts.file.mode = 0600;
    CHECK(check_socket(seen(facts)).verdict == Verdict::warning);
    facts.group_exists = false;
    CHECK(check_socket(seen(facts)).verdict == Verdict::ok);
    facts.file.mode = 0666;
    CHECK(check_socket(seen(facts)).verdict == Verdict::failed);
    facts.file.there = false;
    CHECK(check_socket(seen(facts)).verdict == Verdict::skipped);
}

TEST_CASE("the daemon: down, sick, of another version, with a refused reload, of another configuration") {
    constexpr auto kFile = "/etc/tally/tallyd.yaml";
    auto facts = daemon();
    CHECK(check_daemon(seen(facts), "1.0", kFile).verdict == Verdict::ok);
    CHECK(check_attention(seen(facts)).verdict == Verdict::ok);
    facts.attention = {"needs_authorization 'acme instagram 17': expired", "given_up 'x': y"};
    CHECK(check_attention(seen(facts)).verdict == Verdict::warning);
    CHECK(says(check_attention(seen(facts)), "acme instagram 17"));
    CHECK(says(check_attention(seen(facts)), "and 1 more"));

    SUBCASE("another configuration") {
        CHECK(check_daemon(seen(facts), "1.0", "/root/t.yaml").verdict == Verdict::warning);
        CHECK(advises(check_daemon(seen(facts), "1.0", ""), "--config"));
    }
    SUBCASE("a refused reload") {
        facts.reload_error = "t.yaml:1: x: unknown key";
        CHECK(check_daemon(seen(facts), "1.0", kFile).verdict == Verdict::warning);
        CHECK(says(check_daemon(seen(facts), "1.0", kFile), "t.yaml:1"));
    }
    SUBCASE("another version") {
        CHECK(check_daemon(seen(facts), "1.1", kFile).verdict == Verdict::warning);
        CHECK(says(check_daemon(seen(facts), "1.1", kFile), "1.0"));
    }
    SUBCASE("sick") {
        facts.sick = "the database connection is lost";
        CHECK(check_daemon(seen(facts), "1.0", kFile).verdict == Verdict::failed);
        CHECK(check_attention(seen(facts)).verdict == Verdict::skipped);
    }
    SUBCASE("down") {
        facts = {};
        facts.trouble = "tallyd is not running";
        facts.hint = "Start it.";
        CHECK(check_daemon(seen(facts), "1.0", kFile).verdict == Verdict::failed);
        CHECK(check_daemon(seen(facts), "1.0", kFile).remedy == "Start it.");
        CHECK(check_attention(seen(facts)).verdict == Verdict::skipped);
    }
}

TEST_CASE("the database: reachable, new enough, a primary, with sessions of its own") {
    auto facts = database();
    CHECK(check_database(seen(facts)).verdict == Verdict::ok);
    CHECK(says(check_database(seen(facts)), "PostgreSQL 15.4"));
    CHECK(check_sessions(seen(facts)).verdict == Verdict::ok);
    SUBCASE("too old") {
        facts.version_number = 140'011;
        CHECK(check_database(seen(facts)).verdict == Verdict::failed);
        CHECK(says(check_database(seen(facts)), "14.11"));
    }
    SUBCASE("a standby") {
        facts.standby = true;
        CHECK(check_database(seen(facts)).verdict == Verdict::failed);
    }
    SUBCASE("a pooler") {
        facts.not_own = "leads to a transaction pooler";
        facts.not_own_fix = "pool_mode=session";
        CHECK(check_database(seen(facts)).verdict == Verdict::ok);
        CHECK(check_sessions(seen(facts)).verdict == Verdict::failed);
        CHECK(check_sessions(seen(facts)).remedy == "pool_mode=session");
    }
    SUBCASE("silent") {
        facts.error = "cannot connect";
        CHECK(check_database(seen(facts)).verdict == Verdict::failed);
        CHECK_FALSE(check_database(seen(facts)).remedy.empty());
        CHECK(check_sessions(seen(facts)).verdict == Verdict::skipped);
    }
}

TEST_CASE("the schema: pending migrations matter more where nobody applies them") {
    SchemaFacts facts;
    facts.version = 7;
    CHECK(check_schema(seen(facts)).verdict == Verdict::ok);
    facts.pending = {"later", "much_later"};
    CHECK(check_schema(seen(facts)).verdict == Verdict::failed);
    CHECK(says(check_schema(seen(facts)), "2 migrations are pending"));
    facts.applied_at_start = true;
    CHECK(check_schema(seen(facts)).verdict == Verdict::warning);
    facts.error = "the database has schema 9";
    CHECK(check_schema(seen(facts)).verdict == Verdict::failed);
}

TEST_CASE("roles: missing, out of reach, with too few or too many rights") {
    RoleFacts facts;
    facts.login = "tally";
    facts.rights = {
        {.role = "tally_collector", .object = "runs", .privilege = "INSERT", .wanted = true, .held = true},
        {.role = "tally_reader", .object = "user_keys", .privilege = "SELECT", .wanted = false, .held = false}};
    CHECK(check_roles(seen(facts)).verdict == Verdict::ok);
    SUBCASE("too many") {
        facts.rights[1].held = true;
        CHECK(check_roles(seen(facts)).verdict == Verdict::warning);
        CHECK(advises(check_roles(seen(facts)), "REVOKE SELECT ON user_keys FROM tally_reader"));
    }
    SUBCASE("too few, which counts more") {
        facts.rights[0].held = false;
        facts.rights[1].held = true;
        CHECK(check_roles(seen(facts)).verdict == Verdict::failed);
        CHECK(advises(check_roles(seen(facts)), "GRANT INSERT ON runs TO tally_collector"));
    }
    SUBCASE("out of reach") {
        facts.not_member = {"tally_admin"};
        CHECK(check_roles(seen(facts)).verdict == Verdict::failed);
        CHECK(advises(check_roles(seen(facts)), "GRANT tally_admin TO \"tally\""));
    }
    SUBCASE("missing") {
        facts.missing = {"tally_admin", "tally_reader"};
        CHECK(check_roles(seen(facts)).verdict == Verdict::failed);
        CHECK(says(check_roles(seen(facts)), "tally_admin, tally_reader"));
    }
}

TEST_CASE("partitions and connections only warn") {
    CHECK(check_partitions(seen(PartitionFacts{})).verdict == Verdict::ok);
    CHECK(check_partitions(seen(PartitionFacts{{"runs_2026_11_22"}})).verdict == Verdict::warning);

    ConnectionFacts facts{.all = 1200};
    CHECK(says(check_connections(seen(facts)), "1,200"));
    facts.gone = 1;
    CHECK(check_connections(seen(facts)).verdict == Verdict::warning);
    CHECK(advises(check_connections(seen(facts)), "connection remove"));
    facts.expiring = 2;
    facts.unauthorized = 1;
    CHECK(says(check_connections(seen(facts)), "1 needs authorization, 2 have tokens that end within a week"));
    CHECK(advises(check_connections(seen(facts)), "connection authorize"));
}

TEST_CASE("the clock: what the way there and back may account for is no difference") {
    CHECK(check_clock({}).verdict == Verdict::ok);
    CHECK(check_clock({.ahead = 5ms, .uncertain = 0ms, .synchronised = true}).verdict == Verdict::ok);
    CHECK(check_clock({.ahead = -1900ms, .uncertain = 0ms, .synchronised = true}).verdict == Verdict::ok);
    CHECK(check_clock({.ahead = 2500ms, .uncertain = 1s, .synchronised = true}).verdict == Verdict::ok);
    CHECK(check_clock({.ahead = -3s, .uncertain = 10ms, .synchronised = true}).verdict == Verdict::warning);
    CHECK(says(check_clock({.ahead = -3s, .uncertain = 10ms, .synchronised = true}), "3s behind"));
    CHECK(check_clock({.ahead = 1h, .uncertain = 10ms, .synchronised = true}).verdict == Verdict::failed);
    CHECK(says(check_clock({.ahead = 1h, .uncertain = 10ms, .synchronised = true}), "1h ahead"));
    CHECK(check_clock({.ahead = 5ms, .uncertain = 0ms, .synchronised = false}).verdict == Verdict::warning);
    CHECK(check_clock({.ahead = std::nullopt, .uncertain = 0ms, .synchronised = false}).verdict == Verdict::warning);
}

TEST_CASE("time zone data: missing, old, recent") {
    std::vector<ZoneAnswer> answers{{.zone = "Asia/Almaty", .release = "2024a", .wanted = 5h, .found = 5h},
                                    {.zone = "America/Asuncion", .release = "2025a", .wanted = -3h, .found = -3h}};
    CHECK(check_time_zones(answers).verdict == Verdict::ok);
    CHECK(says(check_time_zones(answers), "2025a or newer"));
    answers[1].found = -4h;
    CHECK(check_time_zones(answers).verdict == Verdict::warning);
    CHECK(says(check_time_zones(answers), "older than release 2025a"));
    answers[0].found = 6h;
    CHECK(says(check_time_zones(answers), "older than release 2024a"));
    answers[1].found.reset();
    CHECK(check_time_zones(answers).verdict == Verdict::failed);
}

TEST_CASE("certificates: libcurl's file counts, its directory only where it has no file") {
    CHECK(check_certificates({.file = "/ca.crt", .directory = "/certs", .in_file = 140}).verdict == Verdict::ok);
    CHECK(check_certificates({.file = "/ca.crt", .directory = "/certs", .in_directory = true}).verdict ==
          Verdict::failed);
    CHECK(check_certificates({.file = "", .directory = "/certs", .in_directory = true}).verdict == Verdict::ok);
    CHECK(check_certificates({.file = "", .directory = ""}).verdict == Verdict::failed);
}

TEST_CASE("disks: full, nearly full, small but fine, huge and five per cent free") {
    constexpr std::uintmax_t kGigabyte = 1'000'000'000;
    const auto verdict = [](std::uintmax_t free, std::uintmax_t size, std::uintmax_t free_files = 1'000) {
        return check_disk("disk space", seen(DiskFacts{.path = "/var/lib/tally",
                                                       .free = free,
                                                       .size = size,
                                                       .free_files = free_files,
                                                       .files = 10'000}))
            .verdict;
    };
    CHECK(verdict(kGigabyte / 10, 10 * kGigabyte) == Verdict::failed);
    CHECK(verdict(kGigabyte, 10 * kGigabyte) == Verdict::warning);
    CHECK(verdict(3 * kGigabyte, 10 * kGigabyte) == Verdict::ok);
    CHECK(verdict(4 * kGigabyte, 100 * kGigabyte) == Verdict::warning);
    CHECK(verdict(60 * kGigabyte, 10'000 * kGigabyte) == Verdict::ok);
    CHECK(verdict(60 * kGigabyte, 10'000 * kGigabyte, 3) == Verdict::warning);
    CHECK(check_disk("disk space", seen(DiskFacts{.path = "/", .free = 60 * kGigabyte, .size = 90 * kGigabyte}))
              .verdict == Verdict::ok);
}
