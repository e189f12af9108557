// SPDX-License-Identifier: Apache-2.0
// Look-ups in the command table and in what was given to a command.
#include "cli/command_table.hpp"

#include <algorithm>

namespace tally::cli {

std::string Command::name() const {
    std::string name{noun};
    if (!verb.empty()) name.append(" ").append(verb);
    return name;
}

const std::vector<Option>& global_options() {
    static const std::vector<Option> options{
        {"config", "FILE", "the configuration (default: $TALLY_CONFIG, then /etc/tally/tallyd.yaml)"},
        {"output", "text|json", "how data is printed (default: text)"},
        {"help", "", "explain instead of doing"},
        {"version", "", "print the version"},
    };
    return options;
}

const Command* find_command(CommandTable table, std::string_view noun, std::string_view verb) noexcept {
    const auto found = std::find_if(table.begin(), table.end(), [&](const Command& command) {
        return command.noun == noun && command.verb == verb;
    });
    return found == table.end() ? nullptr : &*found;
}

std::vector<std::string_view> verbs_of(CommandTable table, std::string_view noun) {
    std::vector<std::string_view> verbs;
    for (const auto& command : table) {
        if (command.noun == noun && !command.verb.empty()) verbs.push_back(command.verb);
    }
    return verbs;
}

std::optional<std::string> Arguments::find(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end() || found->second.empty()) return std::nullopt;
    return found->second.back();
}

const std::string& Arguments::at(std::string_view name) const {
    return values_.find(name)->second.back();
}

std::vector<std::string> Arguments::all(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>{} : found->second;
}

}  // namespace tally::cli
