// SPDX-License-Identifier: Apache-2.0
// Reading configurations: defaults, merging, every kind of complaint, reload.
#include "common/config/config.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>

#include "common/error.hpp"
#include "tests/common/config/environment.hpp"

using namespace std::chrono;
using namespace tally;
using config::Config;
using test::Directory;
using test::Variable;

namespace {

/// No variable of the caller's environment decides a test.
struct CleanEnvironment {
    Variable state{"STATE_DIRECTORY", "/var/lib/tally"}, runtime{"RUNTIME_DIRECTORY", "/run/tally"},
        config{"TALLY_CONFIG", nullptr};
};

Config parse(std::string_view text) {
    const CleanEnvironment clean;
    return config::parse(YamlNode::parse(text, "t.yaml"));
}

std::string refusal(std::string_view text) {
    try {
        parse(text);
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::config);
        return describe(error);
    }
    return "accepted";
}

}  // namespace

TEST_CASE("defaults work without a file") {
    const CleanEnvironment clean;
    const auto config = config::defaults();
    CHECK(config.database.url.empty());
    CHECK(config.database.migrate == config::Migrate::auto_);
    CHECK(config.state_dir == "/var/lib/tally");
    REQUIRE(config.listen.size() == 1);
    CHECK(config.listen[0].text() == "unix:/run/tally/tallyd.sock");
    CHECK(config.source_file.empty());
    REQUIRE(config.tiers.size() == 2);
    const auto& premium = config.tiers.at("premium");
    CHECK(premium.name == "premium");
    CHECK(premium.every == 15min);
    CHECK_FALSE(premium.cron);
    CHECK(premium.spread == 0s);
    CHECK(premium.slack == 15min);
    CHECK(premium.retention == days{90});
    const auto& free = config.tiers.at("free");
    CHECK_FALSE(free.every);
    CHECK(free.cron == "0 2 * * *");
    CHECK(free.zone == "UTC");
    CHECK(free.spread == 4h);
    CHECK(free.slack == 24h);
    CHECK(free.retention == days{30});
    CHECK(config.platform("instagram").enabled);
}

TEST_CASE("an empty file, and sections without options, are the defaults") {
    auto expected = parse("");
    CHECK(parse("database:\ntiers:\n  premium:\nplatforms:\n") == expected);
    const CleanEnvironment clean;
    expected.source_file.clear();
    CHECK(config::defaults() == expected);
}

TEST_CASE("every option is read") {
    const auto config = parse(R"(
database: {url: "postgresql://tally:pw@db/tally", reader_url: "env:READER", migrate: check, sessions: 8}
state_dir: /srv/tally/
listen: [unix:/run/t.sock, "127.0.0.1:8080", "[::1]:81", localhost:82]
tiers:
  free: {cron: "30 3 * * *", zone: Europe/Berlin}
  gold: {every: 1h, spread: 10m, slack: 2h, retention: forever, reports: false}
platforms:
  youtube:
    enabled: false
    base_url: http://127.0.0.1:9/
    client_id: plain-id
    client_secret: file:/etc/secret
    apps: {login: {client_id: env:ID, client_secret: credential:c}}
collect: {concurrency: 4096, timeout: 5s, backfill: 0d, attempts: 3, retry_base: 1s, retry_ceiling: 2m, grace: 0s}
api: {cron_secret: credential:cron}
vault: {key: env:KEY}
log: {level: debug, format: json}
)");
    CHECK(config.source_file == "t.yaml");
    CHECK(config.database.url.text == "postgresql://tally:pw@db/tally");
    CHECK(config.database.reader_url.text == "env:READER");
    CHECK(config.database.reader_url.option == "database.reader_url");
    CHECK(config.database.migrate == config::Migrate::check);
    CHECK(config.database.sessions == 8);
    CHECK(config.state_dir == "/srv/tally");
    REQUIRE(config.listen.size() == 4);
    CHECK(config.listen[0].is_unix());
    CHECK(config.listen[1].host == "127.0.0.1");
    CHECK(config.listen[1].port == 8080);
    CHECK(config.listen[2].host == "::1");
    CHECK(config.listen[2].text() == "[::1]:81");
    CHECK(config.listen[3].text() == "localhost:82");
    const auto& free = config.tiers.at("free");
    CHECK(free.cron == "30 3 * * *");
    CHECK(free.zone == "Europe/Berlin");
    CHECK(free.spread == 4h);  // merged over the default
    const auto& gold = config.tiers.at("gold");
    CHECK(gold.every == 1h);
    CHECK(gold.spread == 10min);
    CHECK(gold.slack == 2h);
    CHECK_FALSE(gold.retention);
    CHECK_FALSE(gold.reports);
    CHECK(config.tiers.at("premium").every == 15min);
    const auto& youtube = config.platform("youtube");
    CHECK_FALSE(youtube.enabled);
    CHECK(youtube.base_url == "http://127.0.0.1:9");
    CHECK(youtube.client_id->text == "plain-id");
    CHECK(youtube.client_secret->option == "platforms.youtube.client_secret");
    CHECK(youtube.apps.at("login").client_secret->text == "credential:c");
    CHECK(config.collect.concurrency == 4096);
    CHECK(config.collect.timeout == 5s);
    CHECK(config.collect.backfill == days{0});
    CHECK(config.collect.attempts == 3);
    CHECK(config.collect.retry_base == 1s);
    CHECK(config.collect.retry_ceiling == 2min);
    CHECK(config.collect.grace == 0s);
    CHECK(config.api.cron_secret->option == "api.cron_secret");
    CHECK(config.vault.key->text == "env:KEY");
    CHECK(config.log.level == config::LogLevel::debug);
    CHECK(config.log.format == config::LogFormat::json);
}

TEST_CASE("a tier's own clock replaces the default one") {
    const auto hourly = parse("tiers: {free: {every: 1h}}").tiers.at("free");
    CHECK(hourly.every == 1h);
    CHECK_FALSE(hourly.cron);
    CHECK(hourly.spread == 0s);
    CHECK(hourly.slack == 1h);
    const auto nightly = parse("tiers: {premium: {cron: \"0 4 * * *\"}}").tiers.at("premium");
    CHECK_FALSE(nightly.every);
    CHECK(nightly.slack == 24h);
}

TEST_CASE("a tier whose slots come from outside has neither a line nor a spread") {
    const auto free = parse("tiers: {free: {cron: external}}").tiers.at("free");
    CHECK(free.is_external());
    CHECK(free.spread == 0s);
    CHECK(free.slack == 24h);
    CHECK_FALSE(config::defaults().tiers.at("free").is_external());
}

TEST_CASE("complaints name file, line, path and a way out") {
    struct Row {
        const char *text, *complaint;
    };
    const Row rows[] = {
        {"colect: {}", "t.yaml:1: colect: unknown key\n  hint: Did you mean 'collect'?"},
        {"\ncollect:\n  concurency: 3",
         "t.yaml:3: collect.concurency: unknown key\n  hint: Did you mean 'concurrency'?"},
        {"tiers:\n  gold:\n    evry: 1h", "t.yaml:3: tiers.gold.evry: unknown key\n  hint: Did you mean 'every'?"},
        {"api: {port: 1}", "t.yaml:1: api.port: unknown key\n  hint: Known here: cron_secret."},
        {"collect: 5", "t.yaml:1: collect: must be a map"},
        {"[1]", "t.yaml:1: must be a map"},
        {"collect: {concurrency: 0}", "t.yaml:1: collect.concurrency: 0 is outside 1 to 4096"},
        {"collect: {concurrency: 4097}", "t.yaml:1: collect.concurrency: 4097 is outside 1 to 4096"},
        {"collect: {timeout: ten}",
         "t.yaml:1: collect.timeout: not a duration: 'ten'\n  hint: Write 10s, 5m, 2h or 30d."},
        {"collect: {timeout: 1ms}", "t.yaml:1: collect.timeout: 1ms is outside 1s to 10m"},
        {"collect: {backfill: 36h}", "t.yaml:1: collect.backfill: '36h' is not in whole days"},
        {"collect: {grace: 1500ms}", "t.yaml:1: collect.grace: '1500ms' is not in whole seconds"},
        {"collect: {grace: }", "t.yaml:1: collect.grace: must be a value"},
        {"collect:\n  retry_base: 2h",
         "t.yaml:2: collect: retry_base (2h) is above retry_ceiling (1h)\n  hint: Raise retry_ceiling or lower "
         "retry_base."},
        {"database: {migrate: maybe}",
         "t.yaml:1: database.migrate: 'maybe' is not known here\n  hint: One of: auto, check."},
        {"state_dir: var/tally",
         "t.yaml:1: state_dir: not an absolute path: 'var/tally'\n  hint: Begin it with a slash."},
        {"tiers: {x: {}}",
         "t.yaml:1: tiers.x: has no schedule\n  hint: Add every, such as 1h, or cron, such as 0 2 * * *."},
        {"tiers: {x: }",
         "t.yaml:1: tiers.x: has no schedule\n  hint: Add every, such as 1h, or cron, such as 0 2 * * *."},
        {"tiers:\n  x:\n    every: 1h\n    cron: 0 2 * * *",
         "t.yaml:4: tiers.x.cron: 'every' and 'cron' exclude each other\n  hint: Remove one of them."},
        {"tiers:\n  x:\n    every: 1h\n    spread: 1h",
         "t.yaml:4: tiers.x.spread: a spread of 1h does not fit into every 1h\n  hint: Make it shorter than every."},
        {"tiers:\n  x:\n    cron: external\n    spread: 1h",
         "t.yaml:4: tiers.x.spread: a tier whose slots come from outside has no spread of its own\n  hint: Give it to "
         "tally_trigger() instead, see sql/pg_cron.sql."},
        {"tiers: {x: {cron: 0 25 * * *}}", "t.yaml:1: tiers.x.cron: hour: 25 is outside 0 to 23"},
        {"tiers: {x: {cron: 0 0 30 2 *}}",
         "t.yaml:1: tiers.x.cron: day of month: no date ever matches '0 0 30 2 *'\n  hint: Check that the month has "
         "such a day."},
        {"tiers: {free: {zone: Mars/Olympus}}",
         "t.yaml:1: tiers.free.zone: no such time zone: 'Mars/Olympus'\n  hint: Write a name such as UTC or "
         "Europe/Berlin."},
        {"tiers: {free: {retention: 12h}}", "t.yaml:1: tiers.free.retention: 12h is outside 1d to 36500d"},
        {"tiers: {Gold: {every: 1h}}",
         "t.yaml:1: tiers.Gold: not a name\n  hint: Names have lower-case letters, digits, '-' and '_', at most 64 of "
         "them."},
        {"api: {cron_secret: hunter2}",
         "t.yaml:1: api.cron_secret: a secret does not stand in the file itself\n"
         "  hint: Write credential:NAME, file:PATH or env:NAME, and keep the secret there."},
        {"listen: [unix:/a, unix:/a]", "t.yaml:1: listen[1]: listed twice"},
        {"listen: []", "t.yaml:1: listen: must name at least one address"},
        {"listen: 127.0.0.1",
         "t.yaml:1: listen: not an address: '127.0.0.1'\n  hint: Write unix:PATH or HOST:PORT, such as 127.0.0.1:8080 "
         "or "
         "[::1]:8080."},
        {"listen: unix:t.sock",
         "t.yaml:1: listen: not an absolute path: 't.sock'\n  hint: Write unix:/run/tally/tallyd.sock."},
    };
    for (const auto& row : rows) CHECK(refusal(row.text) == row.complaint);
}

TEST_CASE("listen refuses what is no address") {
    for (const auto* address : {"127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:80x", ":80", "[::1]", "[::1:80", "[zz]:80",
                                "::1:80", "a b:80", "http://x:80", "*:80", "x:"}) {
        CAPTURE(address);
        CHECK(refusal(std::string{"listen: \""} + address + "\"").find("not an address") != std::string::npos);
    }
    CHECK(refusal("listen: unix:/" + std::string(106, 'a')) == "accepted");
    CHECK(refusal("listen: unix:/" + std::string(107, 'a')).find("a socket path of 108 bytes") != std::string::npos);
}

TEST_CASE("base_url: https anywhere, plain http to this machine only") {
    const auto with = [](std::string_view url) {
        return refusal("platforms: {x: {base_url: \"" + std::string{url} + "\"}}");
    };
    for (const auto* url : {"https://proxy.example.com", "https://proxy.example.com:8443/", "http://127.0.0.1:8080",
                            "http://127.9.9.9", "http://[::1]:80", "http://localhost"}) {
        CAPTURE(url);
        CHECK(with(url) == "accepted");
    }
    for (const auto* url : {"http://proxy.example.com", "http://127.0.0.1.example.com", "http://localhost.example.com",
                            "http://10.0.0.1", "http://[::2]", "http://0.0.0.0"}) {
        CAPTURE(url);
        CHECK(with(url).find("would show tokens to the network") != std::string::npos);
    }
    for (const auto* url :
         {"ftp://127.0.0.1", "https://", "https://host/path", "https://user@host", "http://127.0.0.1@evil",
          "https://host?x", "HTTPS://host", "host", "https://host:", "https://a//"}) {
        CAPTURE(url);
        CHECK(with(url).find("not a base URL") != std::string::npos);
    }
}

TEST_CASE("state_dir and listen follow the environment") {
    const Variable config{"TALLY_CONFIG", nullptr}, runtime{"RUNTIME_DIRECTORY", nullptr};
    {
        const Variable state{"STATE_DIRECTORY", "/var/lib/private/tally:/var/lib/other"};
        const auto defaults = config::defaults();
        CHECK(defaults.state_dir == "/var/lib/private/tally");
        CHECK(defaults.listen[0].text() == "unix:/var/lib/private/tally/tallyd.sock");
    }
    const Variable state{"STATE_DIRECTORY", nullptr}, home{"HOME", "/home/ann"};
    const bool root = ::geteuid() == 0;
    {
        const Variable xdg{"XDG_STATE_HOME", "/home/ann/state"};
        CHECK(config::defaults().state_dir == (root ? "/var/lib/tally" : "/home/ann/state/tally"));
    }
    const Variable xdg{"XDG_STATE_HOME", "relative"};  // the standard says: ignore
    CHECK(config::defaults().state_dir == (root ? "/var/lib/tally" : "/home/ann/.local/state/tally"));
    const auto deep = "/" + std::string(120, 'd');
    CHECK_THROWS_WITH_AS(
        config::parse(YamlNode::parse("state_dir: " + deep, "t.yaml")),
        ("t.yaml:1: state_dir: the socket path '" + deep + "/tallyd.sock' has 133 bytes; 107 is the most").c_str(),
        Error);
}

TEST_CASE("the file named first is read") {
    const CleanEnvironment clean;
    const Directory directory;
    const auto one = directory.write("one.yaml", "collect: {concurrency: 1}");
    const auto two = directory.write("two.yaml", "collect: {concurrency: 2}");
    const Variable named{"TALLY_CONFIG", two.c_str()};
    CHECK(config::load(one).collect.concurrency == 1);
    CHECK(config::load(one).source_file == one);
    CHECK(config::load({}).collect.concurrency == 2);
    CHECK_THROWS_AS(config::load(directory.path() + "/absent.yaml"), Error);
    const Variable absent{"TALLY_CONFIG", "/nonexistent/tallyd.yaml"};
    CHECK_THROWS_AS(config::load({}), Error);  // a name that was given must exist
}

TEST_CASE("a reload tells what needs a restart") {
    const auto old = parse("database: {url: \"postgresql://t:one@db/x\"}");
    CHECK(config::changed_unreloadable(old, old).empty());
    CHECK(config::changed_unreloadable(old,
                                       parse("{database: {url: \"postgresql://t:one@db/x\"}, collect: {timeout: 1s}, "
                                             "tiers: {new: {every: 1h}}, log: {level: debug}}"))
              .empty());
    // A password alone is a change, though both would be shown alike.
    CHECK(config::changed_unreloadable(old, parse("{database: {url: \"postgresql://t:two@db/x\"}, state_dir: /x, "
                                                  "vault: {key: env:K}}")) ==
          std::vector<std::string>{"database.url", "state_dir", "vault.key"});
}

TEST_CASE("a client looks for the socket where it is") {
    const Directory directory;
    const auto socket = directory.write("tallyd.sock", "");
    CHECK(config::control_socket(parse("listen: [\"127.0.0.1:80\", \"unix:" + socket + "\"]")) == socket);
    CHECK_FALSE(config::control_socket(parse("listen: 127.0.0.1:80")));
}
