// SPDX-License-Identifier: Apache-2.0
// What may stand at the cursor of a command line that is being typed, from the command table.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_table.hpp"

namespace tally::cli {

/// Where words come from that the table does not hold.
enum class WordSource {
    none,
    users,
    platforms,            ///< all that are known
    connected_platforms,  ///< of the user named before
    accounts,             ///< of the user and platform named before, as far as they are
    metrics,              ///< of the platform named before, else of all
    tiers,
    duties,
    files,  ///< the shell's own business
};

struct Candidate {
    std::string word;
    std::string help;  ///< a few words, or empty
    friend bool operator==(const Candidate&, const Candidate&) = default;
};

struct Completion {
    std::vector<Candidate> candidates;  ///< those of the table that begin with what was typed
    WordSource source = WordSource::none;
    std::string typed;                  ///< of the value, without `lead`: what dynamic words must begin with
    std::string lead;                   ///< "--user=" where option and value are one word; goes before every candidate
    std::string user, platform;         ///< named so far, in whatever way; empty: not
    std::optional<std::string> config;  ///< named so far
};

/// @param words without the program's name; the last one is being typed and may be empty
Completion complete(CommandTable table, const std::vector<std::string>& words);

/// Where the values of an option, or of an argument, come from. @param operand as help shows it, such as USER
/// @returns nullopt for what is free text
std::optional<WordSource> source_of(const Command& command, std::string_view option, std::string_view operand);

/// The words of an operand that lists them, such as "csv|json", or of one whose values are few and known.
std::vector<Candidate> choices_of(const Command& command, std::string_view option, std::string_view operand);

/// A script for the shell, which asks this program for every word; nullopt for another shell than bash, zsh and fish.
std::optional<std::string_view> completion_script(std::string_view shell);

/// What the scripts call: not in the table, so that help does not show it.
constexpr std::string_view kCompleteCommand = "__complete";

}  // namespace tally::cli
