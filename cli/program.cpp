// SPDX-License-Identifier: Apache-2.0
// Parses, dispatches and maps every error to one text and one exit code.
#include "cli/program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "cli/command_line.hpp"
#include "cli/completion_words.hpp"
#include "cli/context.hpp"
#include "cli/help.hpp"
#include "common/error.hpp"
#include "common/version.hpp"

namespace tally::cli {

namespace {

std::string help_text(CommandTable table, const CommandLine& line) {
    if (line.command != nullptr) return render_command_help(*line.command);
    return line.noun.empty() ? render_overview(table) : render_noun_help(table, line.noun);
}

int run(CommandTable table, Console& console, const std::vector<std::string>& words) {
    if (!words.empty() && words.front() == kCompleteCommand) {
        console.out(answer_completion(table, {words.begin() + 1, words.end()}));
        console.flush();
        return kExitDone;
    }
    const auto line = parse_command_line(table, words);
    int code = kExitDone;
    switch (line.action) {
        case CommandLine::Action::help:
            console.out(help_text(table, line));
            break;
        case CommandLine::Action::version:
            console.out(fmt::format("tallyctl {}\n", version()));
            break;
        case CommandLine::Action::run: {
            Context context{console, line};
            code = line.command->handler(context, line.arguments);
            break;
        }
    }
    console.flush();
    return code;
}

/// Ends as a writer whose reader has gone does: quietly, by SIGPIPE.
int end_by_closed_pipe() noexcept {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
    return 128 + SIGPIPE;
}

}  // namespace

int run_program(CommandTable table, int argc, const char* const* argv) noexcept {
    try {
        Console console;
        try {
            return run(table, console, std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
        } catch (const ClosedPipe&) {
            return end_by_closed_pipe();
        } catch (const std::exception& error) {
            // What was printed before the failure still belongs to the user.
            std::fflush(stdout);
            console.say(fmt::format("tallyctl: {}", describe(error)));
            return exit_code(fault_of(error));
        }
    } catch (...) {
        return exit_code(Fault::internal);
    }
}

}  // namespace tally::cli
