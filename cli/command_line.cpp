// SPDX-License-Identifier: Apache-2.0
// Parsing over Boost.Program_options, with guessing switched off: `--to` must never mean `--token-stdin`.
#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>

#include "cli/help.hpp"
#include "common/error.hpp"
#include "common/yaml.hpp"

namespace tally::cli {

namespace {

namespace po = boost::program_options;

constexpr const char* kPositional = "ARGUMENTS";  // capitals: cannot clash with an option

/// The command line cut in two: the words that name the command, and everything else in its order.
struct Split {
    std::vector<std::string> names;
    std::vector<std::string> rest;
};

bool takes_value(const std::string& word) {
    return std::any_of(global_options().begin(), global_options().end(), [&](const Option& option) {
        return !option.value.empty() && word == fmt::format("--{}", option.name);
    });
}

Split split(CommandTable table, const std::vector<std::string>& words) {
    Split result;
    std::size_t wanted = 2;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto& word = words[i];
        const bool option = word.size() > 1 && word.front() == '-';
        if (!option && result.names.size() < wanted) {
            result.names.push_back(word);
            if (result.names.size() == 1 && verbs_of(table, word).empty() && word != "help") wanted = 1;
            continue;
        }
        result.rest.push_back(word);
        // Past the name (and at "--") every word belongs to the command.
        if (result.names.size() >= wanted || word == "--") {
            result.rest.insert(result.rest.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
            break;
        }
        if (takes_value(word) && i + 1 < words.size()) result.rest.push_back(words[++i]);
    }
    return result;
}

[[noreturn]] void refuse(const std::string& message, std::string hint) {
    throw Error{Fault::usage, message, std::move(hint)};
}

[[noreturn]] void refuse_name(CommandTable table, const std::string& noun, const std::string& verb) {
    std::vector<std::string> words;
    if (verb.empty()) {
        for (const auto& command : table) words.emplace_back(command.noun);
        const auto near = nearest(noun, words);
        refuse(fmt::format("unknown command '{}'", noun),
               near ? fmt::format("Did you mean '{}'?", *near) : "'tallyctl help' lists the commands.");
    }
    for (const auto known : verbs_of(table, noun)) words.emplace_back(known);
    const auto near = nearest(verb, words);
    refuse(fmt::format("unknown command '{} {}'", noun, verb),
           near ? fmt::format("Did you mean '{} {}'?", noun, *near)
                : fmt::format("'{}' knows: {}.", noun, fmt::join(words, ", ")));
}

po::options_description describe_options(const Command* command) {
    po::options_description description;
    const auto add = [&](const Option& option) {
        const std::string name{option.name};
        if (option.value.empty())
            description.add_options()(name.c_str(), "");
        else
            description.add_options()(name.c_str(), po::value<std::vector<std::string>>(), "");
    };
    for (const auto& option : global_options()) add(option);
    if (command != nullptr) {
        for (const auto& option : command->options) add(option);
    }
    description.add_options()(kPositional, po::value<std::vector<std::string>>(), "");
    return description;
}

po::variables_map read_options(const Command* command, const std::vector<std::string>& words) {
    using Style = po::command_line_style::style_t;
    const auto description = describe_options(command);
    po::positional_options_description positional;
    positional.add(kPositional, -1);
    po::variables_map values;
    try {
        po::store(po::command_line_parser(words)
                      .options(description)
                      .positional(positional)
                      .style(Style::allow_long | Style::long_allow_adjacent | Style::long_allow_next)
                      .run(),
                  values);
    } catch (const po::unknown_option& error) {
        const auto given = error.get_option_name();
        std::vector<std::string> names;
        for (const auto& option : description.options()) {
            if (option->long_name() != kPositional) names.push_back("--" + option->long_name());
        }
        const auto near = nearest(given, names);
        refuse(fmt::format("unknown option '{}'", given),
               near ? fmt::format("Did you mean '{}'?", *near) : fmt::format("Usage: {}.", usage_line(command)));
    } catch (const po::error_with_option_name& error) {
        auto message = std::string{error.what()};
        if (dynamic_cast<const po::invalid_command_line_syntax*>(&error) != nullptr) {
            const auto& syntax = static_cast<const po::invalid_command_line_syntax&>(error);
            message = syntax.kind() == po::invalid_syntax::extra_parameter
                          ? fmt::format("option '{}' takes no value", syntax.get_option_name())
                          : fmt::format("option '{}' needs a value", syntax.get_option_name());
        }
        refuse(message, fmt::format("Usage: {}.", usage_line(command)));
    } catch (const po::error& error) {
        refuse(error.what(), fmt::format("Usage: {}.", usage_line(command)));
    }
    return values;
}

void collect_option(const Option& option, const po::variables_map& given, Arguments::Values& values) {
    const std::string name{option.name};
    if (given.count(name) == 0) return;
    if (option.value.empty()) {
        values[name];
        return;
    }
    auto texts = given[name].as<std::vector<std::string>>();
    if (texts.size() > 1 && !option.repeated)
        refuse(fmt::format("option '--{}' is given twice", name), "Once is enough.");
    values[name] = std::move(texts);
}

Arguments collect_arguments(const Command& command, const po::variables_map& given) {
    Arguments::Values values;
    for (const auto& option : command.options) collect_option(option, given, values);
    auto words =
        given.count(kPositional) > 0 ? given[kPositional].as<std::vector<std::string>>() : std::vector<std::string>{};
    if (words.size() > command.arguments.size())
        refuse(fmt::format("unexpected argument '{}'", words[command.arguments.size()]),
               fmt::format("Usage: {}.", usage_line(&command)));
    for (std::size_t i = 0; i < command.arguments.size(); ++i) {
        const auto& argument = command.arguments[i];
        if (i < words.size())
            values[std::string{argument.name}] = {std::move(words[i])};
        else if (argument.required)
            refuse(fmt::format("{} is missing", argument.name), fmt::format("Usage: {}.", usage_line(&command)));
    }
    for (const auto& option : command.options) {
        if (option.required && given.count(std::string{option.name}) == 0)
            refuse(fmt::format("option '--{}' is missing", option.name),
                   fmt::format("Usage: {}.", usage_line(&command)));
    }
    return Arguments{std::move(values)};
}

bool read_output(const po::variables_map& given) {
    if (given.count("output") == 0) return false;
    const auto& text = given["output"].as<std::vector<std::string>>().back();
    if (text != "text" && text != "json")
        refuse(fmt::format("'--output {}' is not known", text), "Write 'text' or 'json'.");
    return text == "json";
}

}  // namespace

CommandLine parse_command_line(CommandTable table, const std::vector<std::string>& words) {
    auto [names, rest] = split(table, words);
    CommandLine result;
    const bool wants_help = std::any_of(rest.begin(), rest.end(), [](const auto& word) { return word == "-h"; });
    std::erase(rest, "-h");

    const bool help_command = !names.empty() && names.front() == "help";
    if (help_command) names.erase(names.begin());
    if (help_command && names.size() == 1 && !rest.empty() && rest.front().front() != '-') {
        names.push_back(rest.front());
        rest.erase(rest.begin());
    }
    const auto noun = names.empty() ? std::string{} : names[0];
    const auto verb = names.size() > 1 ? names[1] : std::string{};
    result.command = find_command(table, noun, verb);
    const bool noun_alone = verb.empty() && !verbs_of(table, noun).empty();
    if (result.command == nullptr && !noun.empty() && !noun_alone)
        refuse_name(table, noun, verbs_of(table, noun).empty() ? std::string{} : verb);

    const auto given = read_options(result.command, rest);
    if (given.count("config") > 0) result.config = given["config"].as<std::vector<std::string>>().back();
    result.json = read_output(given);
    if (given.count("version") > 0) {
        result.action = CommandLine::Action::version;
    } else if (wants_help || help_command || given.count("help") > 0 || noun.empty()) {
        result.action = CommandLine::Action::help;
        result.noun = noun;
    } else if (result.command == nullptr) {
        refuse(fmt::format("'{}' needs to know what to do", noun),
               fmt::format("Say one of: {}.", fmt::join(verbs_of(table, noun), ", ")));
    } else {
        result.arguments = collect_arguments(*result.command, given);
    }
    return result;
}

}  // namespace tally::cli
