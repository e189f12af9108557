// SPDX-License-Identifier: Apache-2.0
// JSON written by hand, where a document of thousands of rows a second is not worth a tree.
#pragma once

#include <string>
#include <string_view>

namespace tally {

/// Appends a JSON string with quotes. @param text valid UTF-8
void append_json_string(std::string& out, std::string_view text);

}  // namespace tally
