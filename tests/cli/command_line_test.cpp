// SPDX-License-Identifier: Apache-2.0
// Parsing of the command line against the real table.
#include "cli/command_line.hpp"

#include <doctest/doctest.h>

#include <set>

#include "cli/command/commands.hpp"
#include "cli/help.hpp"
#include "common/error.hpp"

using namespace tally;
using namespace tally::cli;

namespace {

CommandLine parse(const std::vector<std::string>& words) {
    return parse_command_line(commands(), words);
}

/// The error of a command line that must be refused.
Error refusal(const std::vector<std::string>& words) {
    try {
        parse(words);
    } catch (const Error& error) {
        return error;
    }
    FAIL("the command line was accepted");
    return Error{Fault::internal, ""};
}

}  // namespace

TEST_CASE("a command with arguments and options") {
    const auto line = parse({"connection", "add", "acme", "instagram", "--account", "17", "--token-stdin",
                             "--attribute", "a=1", "--attribute=b=2"});
    REQUIRE(line.action == CommandLine::Action::run);
    CHECK(line.command->name() == "connection add");
    CHECK(line.arguments.at("USER") == "acme");
    CHECK(line.arguments.at("PLATFORM") == "instagram");
    CHECK(line.arguments.at("account") == "17");
    CHECK(line.arguments.has("token-stdin"));
    CHECK_FALSE(line.arguments.has("token-file"));
    CHECK(line.arguments.all("attribute") == std::vector<std::string>{"a=1", "b=2"});
}

TEST_CASE("nothing is guessed: a prefix is not an option") {
    CHECK(refusal({"connection", "add", "u", "p", "--account", "1", "--to", "x"}).fault() == Fault::usage);
    CHECK(refusal({"run", "--wai"}).hint() == "Did you mean '--wait'?");
    CHECK(refusal({"run", "--us", "x"}).fault() == Fault::usage);
    CHECK(std::string{refusal({"export", "--frmo", "today"}).what()} == "unknown option '--frmo'");
}

TEST_CASE("a relative date is a value, not an option") {
    const auto line = parse({"export", "--from", "-30d", "--to", "today", "--out", "-"});
    CHECK(line.arguments.at("from") == "-30d");
    CHECK(line.arguments.at("to") == "today");
    CHECK(line.arguments.at("out") == "-");
    CHECK(parse({"export", "--from=-7d"}).arguments.at("from") == "-7d");
}

TEST_CASE("a lone dash is an argument") {
    CHECK(parse({"user", "import", "-"}).arguments.at("FILE") == "-");
}

TEST_CASE("after two dashes everything is an argument") {
    CHECK(parse({"user", "show", "--", "--odd"}).arguments.at("USER") == "--odd");
}

TEST_CASE("global options stand before, between or after the words of the command") {
    const std::vector<std::vector<std::string>> lines{
        {"--config", "f", "--output", "json", "user", "list"},
        {"user", "list", "--config", "f", "--output", "json"},
        {"--config=f", "user", "--output", "json", "list"},
        {"user", "--output=json", "list", "--config=f"},
    };
    for (const auto& words : lines) {
        const auto line = parse(words);
        REQUIRE(line.command != nullptr);
        CHECK(line.command->name() == "user list");
        CHECK(line.config == "f");
        CHECK(line.json);
    }
    CHECK(refusal({"--output", "xml", "status"}).fault() == Fault::usage);
    CHECK_FALSE(parse({"status"}).json);
}

TEST_CASE("an option's value may look like a command") {
    const auto line = parse({"--config", "user", "status"});
    CHECK(line.command->name() == "status");
    CHECK(line.config == "user");
}

TEST_CASE("unknown words get the nearest one as hint") {
    CHECK(refusal({"exprot"}).hint() == "Did you mean 'export'?");
    CHECK(refusal({"user", "lst"}).hint() == "Did you mean 'user list'?");
    CHECK(std::string{refusal({"connection", "frobnicate"}).what()} == "unknown command 'connection frobnicate'");
    CHECK(refusal({"connection", "frobnicate"}).hint().find("pause") != std::string::npos);
    CHECK(exit_code(refusal({"zzzzzz"}).fault()) == 64);
}

TEST_CASE("what is missing or too much is named") {
    CHECK(std::string{refusal({"user", "show"}).what()} == "USER is missing");
    CHECK(std::string{refusal({"user", "add", "acme"}).what()} == "option '--tier' is missing");
    CHECK(std::string{refusal({"user", "show", "a", "b"}).what()} == "unexpected argument 'b'");
    CHECK(std::string{refusal({"export", "--from"}).what()} == "option '--from' needs a value");
    CHECK(std::string{refusal({"status", "--watch=yes"}).what()} == "option '--watch' takes no value");
    CHECK(std::string{refusal({"run", "--user", "a", "--user", "b"}).what()} == "option '--user' is given twice");
    CHECK(refusal({"user"}).hint().find("import") != std::string::npos);
}

TEST_CASE("help is always at hand and checks nothing else") {
    CHECK(parse({}).action == CommandLine::Action::help);
    CHECK(parse({"help"}).action == CommandLine::Action::help);
    CHECK(parse({"--help"}).action == CommandLine::Action::help);
    CHECK(parse({"user", "--help"}).noun == "user");
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"user", "add", "--help"}, {"user", "add", "-h"}, {"help", "user", "add"}, {"--help", "user", "add"}}) {
        const auto line = parse(words);
        CHECK(line.action == CommandLine::Action::help);
        REQUIRE(line.command != nullptr);
        CHECK(line.command->name() == "user add");
    }
    const auto one_word = parse({"help", "export"});
    REQUIRE(one_word.command != nullptr);
    CHECK(one_word.command->name() == "export");
    CHECK(refusal({"help", "exprot"}).hint() == "Did you mean 'export'?");
    CHECK(parse({"--version"}).action == CommandLine::Action::version);
}

TEST_CASE("every row of the table is complete and unique") {
    std::set<std::string> names;
    for (const auto& command : commands()) {
        CAPTURE(command.name());
        CHECK(names.insert(command.name()).second);
        CHECK((command.handler != nullptr));
        CHECK_FALSE(command.summary.empty());
        CHECK(command.summary.back() != '.');
        CHECK(command.details.find("Example:\n  ") != std::string_view::npos);
        CHECK(command.details.find("tallyctl " + command.name()) != std::string_view::npos);
        std::set<std::string_view> options;
        for (const auto& option : command.options) {
            CHECK(options.insert(option.name).second);
            CHECK_FALSE(option.help.empty());
        }
        for (const auto& option : global_options()) CHECK(options.count(option.name) == 0);
        const auto help = render_command_help(command);
        for (const auto& option : command.options)
            CHECK(help.find("--" + std::string{option.name}) != std::string::npos);
        CHECK(render_overview(commands()).find(std::string{command.summary}) != std::string::npos);
    }
}
