// SPDX-License-Identifier: Apache-2.0
// tallyctl: the command-line companion of tallyd.
#include <csignal>

#include "cli/command/commands.hpp"
#include "cli/program.hpp"

int main(int argc, char** argv) {
    // A closed pipe is noticed where data is written (see ClosedPipe), never in the middle of a TLS or socket write.
    std::signal(SIGPIPE, SIG_IGN);
    return tally::cli::run_program(tally::cli::commands(), argc, argv);
}
