// SPDX-License-Identifier: Apache-2.0
// The control commands that set the rules of the Guard.
#pragma once

#include "simulator.hpp"

#include <optional>

namespace sim {

/// Nothing if the request is for another command; throws BadCommand for a wrong body.
std::optional<Reply> answer_guard_command(Simulator& simulator, const Request& request);

}  // namespace sim
