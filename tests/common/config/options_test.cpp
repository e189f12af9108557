// SPDX-License-Identifier: Apache-2.0
// The table of options and the texts made from it. TALLY_UPDATE_RENDERED=1 writes the committed texts anew.
#include "common/config/options.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "common/error.hpp"
#include "tests/common/config/environment.hpp"

using namespace tally;
using config::Config;
using test::Variable;

namespace {

constexpr const char* kSample = TALLY_SOURCE_DIR "/etc/tallyd.yaml";
constexpr const char* kManPage = TALLY_SOURCE_DIR "/man/tallyd.yaml.5";

std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream{path, std::ios::binary}.rdbuf();
    return text.str();
}

bool updating() {
    return std::getenv("TALLY_UPDATE_RENDERED") != nullptr;
}

Config parse(std::string_view text) {
    const Variable state{"STATE_DIRECTORY", "/var/lib/tally"}, runtime{"RUNTIME_DIRECTORY", "/run/tally"};
    return config::parse(YamlNode::parse(text, "t.yaml"));
}

/// The page with its section OPTIONS exchanged.
std::string with_options(const std::string& page, const std::string& options) {
    const auto begin = page.find(".Sh OPTIONS\n");
    REQUIRE(begin != std::string::npos);
    const auto end = page.find("\n.Sh ", begin);
    REQUIRE(end != std::string::npos);
    return page.substr(0, begin) + options + page.substr(end + 1);
}

}  // namespace

TEST_CASE("every option is documented, once, and its default lies in its range") {
    std::set<std::string_view> paths;
    for (const auto& option : config::options()) {
        CAPTURE(option.path);
        CHECK(paths.insert(option.path).second);
        CHECK(option.doc.ends_with('.'));
        CHECK_FALSE(config::type_text(option).empty());
        CHECK(option.min <= option.max);
    }
}

TEST_CASE("etc/tallyd.yaml is what the table says") {
    const auto rendered = config::render_sample();
    if (updating()) std::ofstream{kSample} << rendered;
    CHECK_MESSAGE(read_file(kSample) == rendered,
                  "run this test with TALLY_UPDATE_RENDERED=1 and look at the difference");
}

TEST_CASE("the section OPTIONS of tallyd.yaml(5) is what the table says") {
    const auto page = read_file(kManPage);
    const auto expected = with_options(page, config::render_man_options());
    if (updating()) std::ofstream{kManPage} << expected;
    CHECK_MESSAGE(read_file(kManPage) == expected,
                  "run this test with TALLY_UPDATE_RENDERED=1 and look at the difference");
}

TEST_CASE("the sample file changes nothing, commented out or not") {
    const auto sample = config::render_sample();
    CHECK(parse(sample) == parse(""));
    auto live = parse(std::regex_replace(sample, std::regex{"#([a-z_]+:)"}, "$1"));
    CHECK(live.platforms.at("instagram").apps.at("login").client_id->text == "9876543210");
    CHECK(live.api.cron_secret->text == "credential:cron-secret");
    CHECK(live.alerts.channels.at("mail").email == "ops@example.com");
    live.platforms.clear();  // these have examples, not defaults
    live.alerts = {};
    live.smtp = {};
    live.api = {};
    live.vault = {};
    CHECK(live == parse(""));
}

TEST_CASE("every option stands in the sample file") {
    const auto sample = config::render_sample();
    for (const auto& option : config::options()) {
        const auto key = "#" + config::segments(option.path).back() + ":";
        CAPTURE(option.path);
        CHECK(sample.find(key) != std::string::npos);
    }
}

TEST_CASE("the effective configuration is itself a configuration, and holds no secret") {
    const auto config = parse(R"(
database: {url: env:DB, migrate: check}
tiers: {gold: {every: 2h, spread: 1m, retention: forever, reports: false}, free: {cron: "*/7 1 * * mon", zone: Europe/Berlin}}
platforms: {x: {enabled: false}, y: {base_url: "https://p:1", client_id: "1e5", apps: {a: {client_id: i, client_secret: "env:S"}}}}
collect: {retry_base: 1500ms, backfill: 2w}
api: {cron_secret: "file:/s"}
listen: ["unix:/a", "[::1]:5"]
)");
    const auto shown = config::to_json(config);
    CHECK(parse(shown.dump(2)) == config);
    CHECK(shown["api"]["cron_secret"] == "file:/s");
    CHECK(shown["tiers"]["gold"]["retention"] == "forever");
    CHECK(shown["listen"][1] == "[::1]:5");
    CHECK(config::to_json(parse("database: {url: \"postgresql://a:hunter2@db/x\"}")).dump().find("hunter2") ==
          std::string::npos);
}
