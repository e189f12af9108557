// SPDX-License-Identifier: Apache-2.0
// Shell-like patterns of metric names.
#pragma once

#include <string>
#include <string_view>

namespace tally::cli {

/// `*` (any text) and `?` (one character) as a pattern for SQL's LIKE; all else stands for itself, also `%`, `_` and
/// `\`.
std::string like_pattern(std::string_view glob);

/// The same pattern, tried here.
bool glob_matches(std::string_view glob, std::string_view text) noexcept;

}  // namespace tally::cli
