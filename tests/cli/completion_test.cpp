// SPDX-License-Identifier: Apache-2.0
// What may stand at the cursor, by the real table. The scripts are tried in their shells by
// tests/e2e/test_completion.py.
#include "cli/completion.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "cli/command/commands.hpp"

using namespace tally::cli;

namespace {

Completion at(const std::vector<std::string>& words) {
    return complete(commands(), words);
}

std::vector<std::string> words_at(const std::vector<std::string>& words) {
    std::vector<std::string> result;
    for (const auto& candidate : at(words).candidates) result.push_back(candidate.word);
    return result;
}

bool offers(const std::vector<std::string>& words, const std::string& word) {
    const auto list = words_at(words);
    return std::find(list.begin(), list.end(), word) != list.end();
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("nouns and verbs, each once, with what they do") {
    const auto nouns = words_at({""});
    CHECK(std::set<std::string>(nouns.begin(), nouns.end()).size() == nouns.size());
    for (const auto& command : commands()) CHECK(offers({""}, std::string{command.noun}));
    CHECK(offers({""}, "help"));
    CHECK(words_at({"connec"}) == Words{"connection"});
    CHECK(words_at({"user", "s"}) == Words{"set", "show"});
    CHECK(at({"user", "se"}).candidates.front().help == "change a user's tier, time zone or address");
    CHECK(words_at({"help", "db", ""}) == Words{"status", "migrate"});
    CHECK(words_at({"nonsense", ""}).empty());
}

TEST_CASE("the hidden command is nowhere") {
    CHECK(words_at({"__"}).empty());
    CHECK(find_command(commands(), kCompleteCommand, "") == nullptr);
}

TEST_CASE("options: those of the command and of all, and none that was given") {
    CHECK(offers({"run", "--"}, "--dry-run"));
    CHECK(offers({"run", "--"}, "--output"));
    CHECK_FALSE(offers({"run", "--wait", "--"}, "--wait"));
    CHECK(offers({"connection", "add", "--attribute", "a=b", "--"}, "--attribute"));
    CHECK(words_at({"run", "--w"}) == Words{"--wait"});
    CHECK(words_at({"--out"}) == Words{"--output"});
    CHECK_FALSE(offers({"--"}, "--wait"));
    CHECK(words_at({"run", "--", "--"}).empty());
    // Where no argument is missing an empty word offers them too.
    CHECK(offers({"status", ""}, "--watch"));
}

TEST_CASE("values of options, as a word of their own or behind an equals sign") {
    CHECK(words_at({"--output", ""}) == Words{"text", "json"});
    CHECK(words_at({"export", "--format", "x"}) == Words{"xlsx"});
    CHECK(words_at({"export", "--format=c"}) == Words{"--format=csv"});
    CHECK(offers({"export", "--from", "-"}, "-30d"));
    CHECK(words_at({"schedule", "preview", "free", "--around", ""}) == Words{"dst"});
    CHECK(offers({"connection", "list", "--state", ""}, "needs_authorization"));
    CHECK(offers({"job", "list", "--state", ""}, "partial"));

    const auto user = at({"export", "--user", "ac"});
    CHECK(user.source == WordSource::users);
    CHECK(user.typed == "ac");
    CHECK(user.lead.empty());
    const auto joined = at({"export", "--user=ac"});
    CHECK(joined.source == WordSource::users);
    CHECK(joined.typed == "ac");
    CHECK(joined.lead == "--user=");
}

TEST_CASE("arguments, and what was named before") {
    CHECK(at({"user", "show", ""}).source == WordSource::users);
    CHECK(at({"user", "add", ""}).source == WordSource::none);
    CHECK(at({"connection", "add", "acme", ""}).source == WordSource::platforms);
    const auto platform = at({"connection", "pause", "acme", "inst"});
    CHECK(platform.source == WordSource::connected_platforms);
    CHECK(platform.user == "acme");
    const auto account = at({"connection", "pause", "acme", "instagram", "--account", "17"});
    CHECK(account.source == WordSource::accounts);
    CHECK(account.user == "acme");
    CHECK(account.platform == "instagram");
    const auto run = at({"run", "--platform=youtube", "--user", "acme", "--account", ""});
    CHECK(run.user == "acme");
    CHECK(run.platform == "youtube");
    CHECK(at({"export", "--platform", "youtube", "--metric", ""}).platform == "youtube");
    CHECK(at({"duty", "run", ""}).source == WordSource::duties);
    CHECK(at({"platform", "show", ""}).source == WordSource::platforms);
    CHECK(at({"schedule", "preview", ""}).source == WordSource::tiers);
    CHECK(at({"user", "import", ""}).source == WordSource::files);
    CHECK(words_at({"completion", ""}) == Words{"bash", "zsh", "fish"});
    CHECK(at({"run", "--config", "/etc/t.yaml", "--user", ""}).config == "/etc/t.yaml");
    CHECK(at({"--config", ""}).source == WordSource::files);
    CHECK(at({"user", "show", "acme", "more", ""}).source == WordSource::none);
}

TEST_CASE("every operand is either free text, named here, or has words") {
    const std::set<std::pair<std::string, std::string>> free{{"user add", "USER"},
                                                             {"user add", "ADDRESS"},
                                                             {"user set", "ADDRESS"},
                                                             {"alert ack", "ID"},
                                                             {"job show", "ID"},
                                                             {"user add", "ZONE"},
                                                             {"user set", "ZONE"},
                                                             {"schedule preview", "ZONE"},
                                                             {"schedule preview", "N"},
                                                             {"coverage", "N"},
                                                             {"job list", "N"},
                                                             {"top", "N"},
                                                             {"platform forecast", "N"},
                                                             {"connection add", "NAME=VALUE"},
                                                             {"connection authorize", "NAME=VALUE"},
                                                             {"platform run", "NAME=VALUE"},
                                                             {"connection authorize", "NAME"},
                                                             {"connection authorize", "REQUEST"},
                                                             {"connection authorize", "URI"},
                                                             {"platform run", "ID"},
                                                             {"platform run", "URL"},
                                                             {"platform check", "USER/ACCOUNT"}};
    for (const auto& command : commands()) {
        const auto check = [&](std::string_view option, std::string_view operand) {
            CAPTURE(command.name());
            CAPTURE(option);
            CAPTURE(operand);
            const bool known = source_of(command, option, operand).has_value();
            CHECK((known || free.contains({command.name(), std::string{operand}})));
        };
        for (const auto& argument : command.arguments) check({}, argument.name);
        for (const auto& option : command.options) {
            if (!option.value.empty()) check(option.name, option.value);
        }
    }
}

TEST_CASE("there are scripts for three shells, which name the hidden command") {
    for (const auto* shell : {"bash", "zsh", "fish"}) {
        REQUIRE(completion_script(shell));
        CHECK(completion_script(shell)->find(kCompleteCommand) != std::string_view::npos);
    }
    CHECK_FALSE(completion_script("tcsh"));
}
