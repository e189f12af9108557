// SPDX-License-Identifier: Apache-2.0
// Translates a glob to LIKE.
#include "cli/glob.hpp"

namespace tally::cli {

std::string like_pattern(std::string_view glob) {
    std::string pattern;
    pattern.reserve(glob.size());
    for (const char c : glob) {
        switch (c) {
            case '*':
                pattern += '%';
                break;
            case '?':
                pattern += '_';
                break;
            case '%':
            case '_':
            case '\\':
                pattern += '\\';
                [[fallthrough]];
            default:
                pattern += c;
        }
    }
    return pattern;
}

}  // namespace tally::cli
