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
    const auto text = logged(LogFormat::journal, Level::info, [](Log& log) {
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
