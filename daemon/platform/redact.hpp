// SPDX-License-Identifier: Apache-2.0
// Makes foreign text fit for logs, rows and screens.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tally::platform {

/// One line of valid UTF-8 without control characters, cut at `limit` bytes, with everything that looks like a token,
/// and the values of parameters that carry one, as ***.
std::string redact(std::string_view text, std::size_t limit = 300);

}  // namespace tally::platform
