// SPDX-License-Identifier: Apache-2.0
// English separators, whatever the locale.
#include "common/counted.hpp"

#include <fmt/format.h>

namespace tally {

std::string with_separators(std::int64_t number) {
    auto text = fmt::format("{}", number);
    const std::size_t first = number < 0 ? 1 : 0;
    for (auto at = text.size(); at > first + 3;) {
        at -= 3;
        text.insert(at, 1, ',');
    }
    return text;
}

std::string counted(std::int64_t count, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", with_separators(count), count == 1 ? one : many);
}

}  // namespace tally
