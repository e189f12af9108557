// SPDX-License-Identifier: Apache-2.0
// Renders usage lines, the overview and the help of one command.
#include "cli/help.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tally::cli {

namespace {

std::string option_usage(const Option& option) {
    const auto text =
        option.value.empty() ? fmt::format("--{}", option.name) : fmt::format("--{} {}", option.name, option.value);
    return text;
}

void append_options(std::string& out, const std::vector<Option>& options) {
    std::size_t width = 0;
    for (const auto& option : options) width = std::max(width, option_usage(option).size());
    for (const auto& option : options)
        out += fmt::format("  {:<{}}  {}{}\n", option_usage(option), width, option.help,
                           option.repeated ? " (may be repeated)" : "");
}

void append_commands(std::string& out, CommandTable table, std::string_view noun) {
    std::size_t width = 0;
    for (const auto& command : table) width = std::max(width, command.name().size());
    for (const auto& command : table) {
        if (noun.empty() || command.noun == noun)
            out += fmt::format("  {:<{}}  {}\n", command.name(), width, command.summary);
    }
}

}  // namespace

std::string usage_line(const Command* command) {
    if (command == nullptr) return "tallyctl [--config FILE] [--output text|json] COMMAND …";
    auto line = fmt::format("tallyctl {}", command->name());
    for (const auto& argument : command->arguments)
        line += argument.required ? fmt::format(" {}", argument.name) : fmt::format(" [{}]", argument.name);
    for (const auto& option : command->options) {
        const auto usage = option_usage(option);
        line += option.required ? fmt::format(" {}", usage) : fmt::format(" [{}]{}", usage, option.repeated ? "…" : "");
    }
    return line;
}

std::string render_overview(CommandTable table) {
    auto out = fmt::format("Usage: {}\n\nAsk tallyd how it is going, start collections, take the numbers out.\n\n",
                           usage_line(nullptr));
    append_commands(out, table, {});
    out += "\nOptions, before or after the command:\n";
    append_options(out, global_options());
    out += "\n'tallyctl help COMMAND' explains one command with an example; tallyctl(1) is the manual.\n";
    return out;
}

std::string render_noun_help(CommandTable table, std::string_view noun) {
    auto out = fmt::format("Usage: tallyctl {} COMMAND …\n\n", noun);
    append_commands(out, table, noun);
    out += fmt::format("\n'tallyctl help {} COMMAND' explains one of them.\n", noun);
    return out;
}

std::string render_command_help(const Command& command) {
    auto out = fmt::format("Usage: {}\n\n{}\n", usage_line(&command), command.details);
    if (!command.options.empty()) {
        out += "\nOptions:\n";
        append_options(out, command.options);
    }
    out += "\nOptions of every command:\n";
    append_options(out, global_options());
    return out;
}

}  // namespace tally::cli
