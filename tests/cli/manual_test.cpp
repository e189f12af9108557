// SPDX-License-Identifier: Apache-2.0
// The manual page has a place for every command and option of the table.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "cli/command/commands.hpp"

using namespace tally::cli;

namespace {

std::string read_manual() {
    std::ifstream in{std::filesystem::path{TALLY_SOURCE_DIR} / "man" / "tallyctl.1"};
    REQUIRE(in);
    return {std::istreambuf_iterator<char>{in}, {}};
}

/// The ".It" line of a command, which holds its arguments and options.
std::string entry_of(const std::string& manual, const Command& command) {
    const auto start = manual.find(".It Cm " + command.name());
    if (start == std::string::npos) return {};
    return manual.substr(start, manual.find('\n', start) - start);
}

}  // namespace

TEST_CASE("the manual page names every command, argument and option") {
    const auto manual = read_manual();
    for (const auto& command : commands()) {
        CAPTURE(command.name());
        const auto entry = entry_of(manual, command);
        REQUIRE_FALSE(entry.empty());
        for (const auto& argument : command.arguments) {
            CAPTURE(argument.name);
            CHECK(entry.find(argument.name) != std::string::npos);
        }
        for (const auto& option : command.options) {
            CAPTURE(option.name);
            CHECK((entry + " ").find("Fl -" + std::string{option.name} + " ") != std::string::npos);
        }
    }
    for (const auto& option : global_options())
        CHECK(manual.find(".It Fl -" + std::string{option.name}) != std::string::npos);
}
