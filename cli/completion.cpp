// SPDX-License-Identifier: Apache-2.0
// Reads an unfinished command line leniently: what is wrong with it is said when it is run, not while it is typed.
#include "cli/completion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace tally::cli {

namespace {

constexpr std::string_view kHelp = "help";

std::vector<std::string> split_choices(std::string_view text) {
    std::vector<std::string> words;
    for (;;) {
        const auto bar = text.find('|');
        words.emplace_back(text.substr(0, bar));
        if (bar == std::string_view::npos) return words;
        text.remove_prefix(bar + 1);
    }
}

/// Placeholders are in capitals; words that are meant literally are not.
bool is_literal(std::string_view operand) {
    return std::any_of(operand.begin(), operand.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

std::vector<Candidate> plain(std::initializer_list<std::string_view> words) {
    std::vector<Candidate> candidates;
    for (const auto word : words) candidates.push_back({.word = std::string{word}, .help = {}});
    return candidates;
}

/// What has been typed before the word at the cursor.
class TypedLine {
public:
    TypedLine(CommandTable table, const std::vector<std::string>& words) : table_(table) {
        for (std::size_t i = 0; i + 1 < words.size(); ++i) take(words[i]);
        if (!words.empty()) last_ = words.back();
    }

    Completion complete() {
        result_.user = value_of("user");
        result_.platform = value_of("platform");
        if (!pending_.empty()) {
            offer_value(pending_, last_);
        } else if (const auto equals = last_.find('=');
                   !only_words_ && last_.starts_with("--") && equals != std::string::npos && !help_) {
            result_.lead = last_.substr(0, equals + 1);
            offer_value(last_.substr(2, equals - 2), last_.substr(equals + 1));
        } else if (!only_words_ && last_.starts_with('-') && last_ != "-") {
            offer_options();
        } else if (command_ == nullptr) {
            offer_names();
        } else if (!help_) {
            offer_argument();
        }
        return std::move(result_);
    }

private:
    void take(const std::string& word) {
        if (!pending_.empty()) {
            keep(pending_, word);
            pending_.clear();
        } else if (!only_words_ && word == "--") {
            only_words_ = true;
        } else if (!only_words_ && word.starts_with("--")) {
            take_option(word.substr(2));
        } else if (only_words_ || !word.starts_with('-') || word == "-") {
            take_word(word);
        }
    }

    void take_option(const std::string& text) {
        const auto equals = text.find('=');
        const auto name = text.substr(0, equals);
        given_.insert(name);
        if (equals != std::string::npos)
            keep(name, text.substr(equals + 1));
        else if (const auto* option = find_option(name); option != nullptr && !option->value.empty())
            pending_ = name;
    }

    void take_word(const std::string& word) {
        if (noun_.empty() && word == kHelp && !help_) {
            help_ = true;
        } else if (noun_.empty()) {
            noun_ = word;
            command_ = find_command(table_, noun_, "");
        } else if (command_ == nullptr && verb_.empty()) {
            verb_ = word;
            command_ = find_command(table_, noun_, verb_);
        } else {
            if (command_ != nullptr && arguments_ < command_->arguments.size()) {
                const auto name = command_->arguments[arguments_].name;
                if (name == "USER") keep("user", word);
                if (name == "PLATFORM" || (name == "NAME" && noun_ == "platform")) keep("platform", word);
            }
            ++arguments_;
        }
    }

    void keep(const std::string& option, const std::string& value) {
        if (option == "config")
            result_.config = value;
        else
            values_[option] = value;
    }

    std::string value_of(const std::string& name) const {
        const auto found = values_.find(name);
        return found == values_.end() ? std::string{} : found->second;
    }

    const Option* find_option(std::string_view name) const {
        const auto search = [&](const std::vector<Option>& options) -> const Option* {
            const auto found =
                std::find_if(options.begin(), options.end(), [&](const Option& option) { return option.name == name; });
            return found == options.end() ? nullptr : &*found;
        };
        if (const auto* option = search(global_options())) return option;
        return command_ != nullptr ? search(command_->options) : nullptr;
    }

    void offer(std::string word, std::string_view help) {
        const bool known =
            std::any_of(result_.candidates.begin(), result_.candidates.end(),
                        [&](const Candidate& candidate) { return candidate.word == result_.lead + word; });
        if (known || !word.starts_with(result_.typed)) return;
        result_.candidates.push_back({.word = result_.lead + word, .help = std::string{help}});
    }

    void offer_value(const std::string& name, const std::string& typed) {
        static const Command kNone{};
        result_.typed = typed;
        const auto* option = find_option(name);
        if (option == nullptr || option->value.empty()) return;
        const auto& command = command_ != nullptr ? *command_ : kNone;
        for (auto& choice : choices_of(command, option->name, option->value))
            offer(std::move(choice.word), choice.help);
        result_.source = source_of(command, option->name, option->value).value_or(WordSource::none);
    }

    void offer_options() {
        result_.typed = last_;
        const auto add = [this](const std::vector<Option>& options) {
            for (const auto& option : options) {
                if (!given_.contains(std::string{option.name}) || option.repeated)
                    offer(fmt::format("--{}", option.name), option.help);
            }
        };
        if (command_ != nullptr && !help_) add(command_->options);
        add(global_options());
    }

    void offer_names() {
        result_.typed = last_;
        if (!noun_.empty() && !verb_.empty()) return;  // an unknown command
        for (const auto& command : table_) {
            if (noun_.empty())
                offer(std::string{command.noun}, command.verb.empty() ? command.summary : std::string_view{});
            else if (command.noun == noun_ && !command.verb.empty())
                offer(std::string{command.verb}, command.summary);
        }
        if (noun_.empty() && !help_) offer(std::string{kHelp}, "explain a command");
    }

    void offer_argument() {
        result_.typed = last_;
        if (arguments_ >= command_->arguments.size()) {
            if (last_.empty()) offer_options();
            return;
        }
        const auto operand = command_->arguments[arguments_].name;
        for (auto& choice : choices_of(*command_, {}, operand)) offer(std::move(choice.word), choice.help);
        result_.source = source_of(*command_, {}, operand).value_or(WordSource::none);
    }

    CommandTable table_;
    Completion result_;
    std::string last_;                  ///< the word at the cursor
    std::string noun_, verb_;           ///< as typed
    const Command* command_ = nullptr;  ///< once it is named
    std::size_t arguments_ = 0;         ///< words after the name
    std::string pending_;               ///< the option whose value comes next
    std::set<std::string> given_;       ///< options
    std::map<std::string, std::string, std::less<>> values_;
    bool only_words_ = false, help_ = false;  ///< after "--"; after "help"
};

}  // namespace

std::vector<Candidate> choices_of(const Command& command, std::string_view option, std::string_view operand) {
    if (is_literal(operand)) {
        std::vector<Candidate> candidates;
        for (auto& word : split_choices(operand)) candidates.push_back({.word = std::move(word), .help = {}});
        return candidates;
    }
    if (operand == "DATE" || operand == "TIME") return plain({"today", "-1d", "-7d", "-30d", "-90d"});
    if (operand == "DAYS") return plain({"7d", "30d", "90d"});
    if (operand == "SOURCE") return plain({"ads", "social_media"});
    if (operand == "SHELL") return plain({"bash", "zsh", "fish"});
    if (option == "state" && command.noun == "connection")
        return plain({"active", "paused", "needs_authorization", "gone"});
    if (option == "state" && command.noun == "job") return plain({"succeeded", "partial", "failed", "running"});
    return {};
}

std::optional<WordSource> source_of(const Command& command, std::string_view option, std::string_view operand) {
    if (is_literal(operand)) return WordSource::none;
    if (operand == "USER") return command.name() == "user add" ? WordSource::none : WordSource::users;
    if (operand == "PLATFORM") {
        // What is to be connected may be any platform; what is named by USER PLATFORM is connected.
        const bool fresh = command.name() == "connection add" || command.name() == "connection authorize";
        return option.empty() && !fresh ? WordSource::connected_platforms : WordSource::platforms;
    }
    if (option == "account") return WordSource::accounts;
    if (operand == "GLOB" || operand == "METRIC") return WordSource::metrics;
    if (operand == "TIER") return WordSource::tiers;
    if (operand == "FILE") return WordSource::files;
    if (operand == "NAME" && option.empty() && command.noun == "duty") return WordSource::duties;
    if (operand == "NAME" && option.empty() && command.noun == "platform") return WordSource::platforms;
    if (!choices_of(command, option, operand).empty()) return WordSource::none;
    return std::nullopt;
}

Completion complete(CommandTable table, const std::vector<std::string>& words) {
    return TypedLine{table, words}.complete();
}

// The scripts hold no words: what they complete is always what the installed program knows. The program answers with a
// line that says what follows ("words" or "files") and then a word a line, with a tab and some help behind it.

std::optional<std::string_view> completion_script(std::string_view shell) {
    if (shell == "bash")
        return R"sh(# bash completion of tallyctl; made by: tallyctl completion bash
_tallyctl() {
    local part=${COMP_WORDS[COMP_CWORD]} rest=${COMP_LINE} word lead line
    local -a given=() lines=()
    # Bash splits at "=" and ":". What stands together in the line is one word.
    rest=${rest#"${COMP_WORDS[0]}"}
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        if [[ $rest == [[:space:]]* || ${#given[@]} -eq 0 ]]; then
            rest=${rest#"${rest%%[![:space:]]*}"}
            given+=("$word")
        else
            given[${#given[@]}-1]+=$word
        fi
        rest=${rest#"$word"}
    done
    # The part that bash puts the answer in the place of begins behind the last "=" or ":".
    lead=${given[${#given[@]}-1]}
    [[ $part == [=:] ]] || lead=${lead%"$part"}
    COMPREPLY=()
    mapfile -t lines < <("${COMP_WORDS[0]}" __complete "${given[@]//[\\\"\']/}" 2>/dev/null)
    if [[ ${lines[0]} == files ]]; then
        compopt -o default 2>/dev/null
        return
    fi
    for line in "${lines[@]:1}"; do
        word=${line%%$'\t'*}
        printf -v word %q "${word#"${lead//[\\\"\']/}"}"
        COMPREPLY+=("$word")
    done
}
complete -F _tallyctl tallyctl
)sh";
    if (shell == "zsh")
        return R"sh(#compdef tallyctl
# zsh completion of tallyctl; made by: tallyctl completion zsh
_tallyctl() {
    local -a given lines candidates
    local line word
    (( CURRENT > 2 )) && given=("${(@Q)words[2,CURRENT-1]}")
    lines=("${(@f)$(${words[1]} __complete "${given[@]}" "${(Q)PREFIX}" 2>/dev/null)}")
    if [[ $lines[1] == files ]]; then
        _files
        return
    fi
    for line in "${(@)lines[2,-1]}"; do
        word=${line%%$'\t'*}
        candidates+=("${word//:/\\:}${line[${#word}+1]:+:${line[${#word}+2,-1]}}")
    done
    (( ${#candidates} )) && _describe -t words 'tallyctl' candidates
}
if [[ ${funcstack[1]} == _tallyctl ]]; then
    _tallyctl "$@"
else
    compdef _tallyctl tallyctl
fi
)sh";
    if (shell == "fish")
        return R"sh(# fish completion of tallyctl; made by: tallyctl completion fish
function __tallyctl_complete
    set -l given (commandline --tokenize --cut-at-cursor --current-process)
    set -l typed (commandline --current-token --cut-at-cursor)
    set -l lines ($given[1] __complete $given[2..-1] "$typed" 2>/dev/null)
    if test "$lines[1]" = files
        __fish_complete_path "$typed"
    else if set -q lines[2]
        printf '%s\n' $lines[2..-1]
    end
end
complete --command tallyctl --no-files --arguments '(__tallyctl_complete)'
)sh";
    return std::nullopt;
}

}  // namespace tally::cli
