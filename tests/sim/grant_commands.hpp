// SPDX-License-Identifier: Apache-2.0
// Control commands about applications, people and their tokens.
#pragma once

#include "http.hpp"
#include "simulator.hpp"

#include <optional>

namespace sim {

/// Nothing if it is no command of this kind. Throws BadCommand.
std::optional<Reply> answer_grant_command(Simulator& simulator, const Request& request);

}  // namespace sim
