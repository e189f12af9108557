// SPDX-License-Identifier: Apache-2.0
// Log lines: one an event, whatever the text holds.
#include "daemon/service/log.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

using namespace tally::service;

namespace {

std::string logged(LogFormat format, Level level, const std::function<void(Log&)>& write) {
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    Log log{level, format, file};
    write(log);
    std::rewind(file);
    std::string text(4096, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
    return text;
}

}  // namespace

TEST_CASE("a platform's answer cannot forge a log line") {
    const auto text = logged(LogFormat::prefixed, Level::info, [](Log& log) {
        log.warning("run failed", {{"error", "bad\n<3>error: everything is on fire"}, {"user", "u 1"}});
    });
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK(text.starts_with("<4>run failed error=\"bad <3>error"));
    CHECK(text.find("user=\"u 1\"") != std::string::npos);
}

TEST_CASE("JSON lines stay valid for any bytes, and the level filters") {
    const auto text = logged(LogFormat::json, Level::warning, [](Log& log) {
        log.info("not written");
        log.error("broken \xff text", {{"n", "1"}});
    });
    const auto object = nlohmann::json::parse(text);
    CHECK(object["level"] == "error");
    CHECK(object["n"] == "1");
}

TEST_CASE("in the journal each field can be asked for, and keeps its bytes") {
    const auto entry = journal_fields(Level::warning, "collection failed",
                                      {{"user", "u 1"}, {"platform", "instagram"}, {"error", "two\nlines"}}, "web1-3f");
    CHECK(entry ==
          std::vector<std::string>{"MESSAGE=collection failed user=\"u 1\" platform=instagram error=\"two lines\"",
                                   "PRIORITY=4", "SYSLOG_IDENTIFIER=tallyd", "TALLY_NODE=web1-3f", "TALLY_USER=u 1",
                                   "TALLY_PLATFORM=instagram", "TALLY_ERROR=two\nlines"});
}

TEST_CASE("names of fields are such as the journal takes") {
    const auto entry = journal_fields(Level::info, "m",
                                      {{"rows-changed", "1"}, {"a\nPRIORITY", "0"}, {std::string(100, 'x'), "2"}}, "");
    REQUIRE(entry.size() == 6);
    CHECK(entry[3] == "TALLY_ROWS_CHANGED=1");
    CHECK(entry[4] == "TALLY_A_PRIORITY=0");
    CHECK(entry[5] == "TALLY_" + std::string(58, 'X') + "=2");
}

TEST_CASE("an event names one node") {
    const auto entry = journal_fields(Level::info, "ready", {{"node", "web1-3f"}}, "web1-3f");
    CHECK(std::count(entry.begin(), entry.end(), "TALLY_NODE=web1-3f") == 1);
    const auto text = logged(LogFormat::json, Level::info, [](Log& log) {
        log.set_node("web1-3f");
        log.info("collected", {{"user", "u1"}});
    });
    CHECK(nlohmann::json::parse(text)["node"] == "web1-3f");
}
