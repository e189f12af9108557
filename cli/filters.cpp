// SPDX-License-Identifier: Apache-2.0
#include "cli/filters.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/glob.hpp"
#include "common/error.hpp"

namespace tally::cli {

std::vector<std::string> read_list(const Arguments& arguments, std::string_view option) {
    std::vector<std::string> words;
    const auto text = arguments.find(option);
    if (!text) return words;
    for (std::string_view rest = *text;;) {
        const auto comma = std::min(rest.find(','), rest.size());
        words.emplace_back(rest.substr(0, comma));
        if (words.back().empty()) throw Error{Fault::usage, fmt::format("--{}: an empty word in '{}'", option, *text)};
        if (comma == rest.size()) return words;
        rest.remove_prefix(comma + 1);
    }
}

std::optional<std::string> array_of(const std::vector<std::string>& words) {
    if (words.empty()) return std::nullopt;
    std::string array = "{";
    for (const auto& word : words) {
        array += array.size() > 1 ? ",\"" : "\"";
        for (const char c : word) {
            if (c == '"' || c == '\\') array += '\\';
            array += c;
        }
        array += '"';
    }
    return array + "}";
}

std::optional<std::string> pattern_array(std::vector<std::string> globs) {
    for (auto& glob : globs) glob = like_pattern(glob);
    return array_of(globs);
}

}  // namespace tally::cli
