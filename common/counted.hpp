// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tally {

/// "1,234,567"
std::string with_separators(std::int64_t number);

/// "1 user", "1,200 users"
std::string counted(std::int64_t count, std::string_view one, std::string_view many);
inline std::string counted(std::size_t count, std::string_view one, std::string_view many) {
    return counted(static_cast<std::int64_t>(count), one, many);
}

}  // namespace tally
