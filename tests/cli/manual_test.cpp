// SPDX-License-Identifier: Apache-2.0
// The manual page and the programs say the same: every command, argument, option and exit code of one is in the other.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "cli/command/commands.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "common/error.hpp"

using namespace tally;
using namespace tally::cli;

namespace {

std::string read_manual(const char* page = "tallyctl.1") {
    std::ifstream in{std::filesystem::path{TALLY_SOURCE_DIR} / "man" / page};
    REQUIRE(in);
    return {std::istreambuf_iterator<char>{in}, {}};
}

/// From its ".Sh" line to the next one.
std::string section_of(const std::string& manual, const std::string& name) {
    const auto start = manual.find(".Sh " + name + "\n");
    REQUIRE(start != std::string::npos);
    return manual.substr(start, manual.find("\n.Sh ", start) - start);
}

std::set<int> exit_codes_of(const std::string& manual) {
    std::set<int> codes;
    std::istringstream lines{section_of(manual, "EXIT STATUS")};
    for (std::string line; std::getline(lines, line);) {
        std::smatch found;
        if (std::regex_match(line, found, std::regex{R"(\.It (\d+))"})) codes.insert(std::stoi(found[1]));
    }
    return codes;
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

TEST_CASE("the program has every command, argument and option of the manual page") {
    std::istringstream lines{section_of(read_manual(), "COMMANDS")};
    std::set<std::string> named;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(".It Cm ")) continue;
        CAPTURE(line);
        std::istringstream words{line.substr(7)};
        std::string noun, verb;
        words >> noun >> verb;
        if (noun == "help") continue;  // not a row of the table: parsing knows it
        const auto* command = find_command(commands(), noun, verb);
        if (command == nullptr) command = find_command(commands(), noun, "");
        REQUIRE(command != nullptr);
        CHECK(named.insert(command->name()).second);
        const std::regex option{R"(Fl -([a-z-]+))"};
        for (std::sregex_iterator found{line.begin(), line.end(), option}, end; found != end; ++found) {
            const auto name = (*found)[1].str();
            CAPTURE(name);
            CHECK(std::any_of(command->options.begin(), command->options.end(),
                              [&](const Option& known) { return known.name == name; }));
        }
        // Whatever else stands in capitals is an argument or the value of an option.
        const std::regex word{R"(\b[A-Z][A-Z=/]*\b)"};
        for (std::sregex_iterator found{line.begin(), line.end(), word}, end; found != end; ++found) {
            const auto name = found->str();
            CAPTURE(name);
            CHECK((std::any_of(command->arguments.begin(), command->arguments.end(),
                               [&](const Argument& known) { return known.name == name; }) ||
                   std::any_of(command->options.begin(), command->options.end(),
                               [&](const Option& known) { return known.value == name; })));
        }
    }
    for (const auto& command : commands()) CHECK(named.contains(command.name()));
}

TEST_CASE("the overview of --help has every command and the options of all") {
    const auto help = render_overview(commands());
    for (const auto& command : commands()) CHECK(help.find("  " + command.name() + " ") != std::string::npos);
    for (const auto& option : global_options()) CHECK(help.find("--" + std::string{option.name}) != std::string::npos);
}

TEST_CASE("the manual pages name the exit codes that there are, and no others") {
    std::set<int> codes{kExitDone, kExitPartly, kExitInterrupted};
    for (const auto fault : {Fault::failed, Fault::usage, Fault::missing, Fault::config, Fault::unreachable,
                             Fault::temporary, Fault::denied, Fault::internal})
        codes.insert(exit_code(fault));
    CHECK(exit_codes_of(read_manual("tallyctl.1")) == codes);
    CHECK(exit_codes_of(read_manual("tally.7")) == codes);
    // The daemon asks nobody and does nothing by halves.
    for (const auto code : exit_codes_of(read_manual("tallyd.8"))) CHECK(codes.contains(code));
}
