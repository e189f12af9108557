// SPDX-License-Identifier: Apache-2.0
// Translates a glob to LIKE, and tries one.
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

bool glob_matches(std::string_view glob, std::string_view text) noexcept {
    std::size_t g = 0, t = 0;
    auto star = std::string_view::npos;  // the last one met, and where the text after it is tried from
    std::size_t retry = 0;
    while (t < text.size()) {
        if (g < glob.size() && glob[g] == '*') {
            star = g++;
            retry = t;
        } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
            ++g, ++t;
        } else if (star != std::string_view::npos) {
            g = star + 1;
            t = ++retry;
        } else {
            return false;
        }
    }
    return glob.find_first_not_of('*', g) == std::string_view::npos;
}

}  // namespace tally::cli
