// SPDX-License-Identifier: Apache-2.0
// tallyctl completion
#include "cli/completion.hpp"

#include <fmt/format.h>

#include "cli/command/handlers.hpp"
#include "cli/context.hpp"
#include "common/error.hpp"

namespace tally::cli {

int print_completion(Context& context, const Arguments& arguments) {
    const auto& shell = arguments.at("SHELL");
    const auto script = completion_script(shell);
    if (!script)
        throw Error{Fault::usage, fmt::format("there is no completion for '{}'", shell), "Write bash, zsh or fish."};
    context.console.out(*script);
    return kExitDone;
}

}  // namespace tally::cli
