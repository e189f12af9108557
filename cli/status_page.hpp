// SPDX-License-Identifier: Apache-2.0
// The page that `tallyctl status` shows.
#pragma once

#include <string>

#include "cli/console.hpp"
#include "cli/json_text.hpp"

namespace tally::cli {

/// @param status the member `data` of the API's status; what is absent is left out
/// What needs a human comes first after the headline; the rest is for finding out why.
std::string render_status(const Json& status, Instant now, const Palette& palette);

}  // namespace tally::cli
