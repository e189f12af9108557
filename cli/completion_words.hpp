// SPDX-License-Identifier: Apache-2.0
// The words of a completion that only the daemon, the configuration or the platform files know.
#pragma once

#include <string>
#include <vector>

#include "cli/completion.hpp"

namespace tally::cli {

/// The answer to `tallyctl __complete WORDS…`: a line that says what follows, "words" or "files", and then a word a
/// line, with a tab and its help behind it where there is one. Never throws for what is missing: without a daemon its
/// words are. Takes a second at most.
std::string answer_completion(CommandTable table, const std::vector<std::string>& words);

}  // namespace tally::cli
