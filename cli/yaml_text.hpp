// SPDX-License-Identifier: Apache-2.0
// JSON values as YAML that people read.
#pragma once

#include <string>

#include "cli/json_text.hpp"

namespace tally::cli {

/// Block style, two spaces a level; texts are quoted only where YAML would read them as something else.
std::string render_yaml(const Json& value);

}  // namespace tally::cli
