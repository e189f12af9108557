// SPDX-License-Identifier: Apache-2.0
// The control interface under /_sim/: commands of tests, counters, and the oracle.
#pragma once

#include "http.hpp"
#include "simulator.hpp"

namespace sim {

/// 200 with JSON; 400 with {"error"} for a wrong command, 404 for an unknown one.
Reply answer_admin(Simulator& simulator, const Request& request, Instant now);

}  // namespace sim
