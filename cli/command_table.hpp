// SPDX-License-Identifier: Apache-2.0
// What a command is: the one table of them feeds parsing, usage and help.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::cli {

class Context;
class Arguments;

/// A word that stands at its place, such as USER.
struct Argument {
    std::string_view name;  ///< in capitals
    bool required = true;   ///< optional ones come last
};

/// A long option. Without `value` it is a flag.
struct Option {
    std::string_view name;   ///< without dashes
    std::string_view value;  ///< what follows it, in capitals; empty for a flag
    std::string_view help;   ///< one line
    bool required = false;
    bool repeated = false;  ///< may be given more than once
};

/// One row of the table. All texts are static.
struct Command {
    std::string_view noun;
    std::string_view verb;  ///< empty: the noun alone is the command
    std::vector<Argument> arguments;
    std::vector<Option> options;
    std::string_view summary;  ///< one line without full stop
    std::string_view details;  ///< paragraphs with an example
    /// @returns the exit code. @throws Error
    int (*handler)(Context&, const Arguments&) = nullptr;

    std::string name() const;  ///< "connection add"
};

using CommandTable = std::span<const Command>;

/// Options that every command takes, before or after its name.
const std::vector<Option>& global_options();

/// The command of that name, or null. A noun without verb that has verbs is no command.
const Command* find_command(CommandTable table, std::string_view noun, std::string_view verb) noexcept;

/// The verbs of a noun in table order; empty when the noun does not exist or is a command by itself.
std::vector<std::string_view> verbs_of(CommandTable table, std::string_view noun);

/// What was given to a command, checked against its row: required things are there, unknown ones are not.
class Arguments {
public:
    using Values = std::map<std::string, std::vector<std::string>, std::less<>>;
    explicit Arguments(Values values) : values_(std::move(values)) {}

    bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
    std::optional<std::string> find(std::string_view name) const;
    const std::string& at(std::string_view name) const;  ///< of a required one
    std::vector<std::string> all(std::string_view name) const;

private:
    Values values_;
};

}  // namespace tally::cli
