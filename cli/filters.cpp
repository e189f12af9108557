// SPDX-License-Identifier: Apache-2.0
#include "cli/filters.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/glob.hpp"
#include "common/error.hpp"

namespace tally::cli {

namespace {

void append_element(std::string& array, std::string_view text) {
    array += array.size() > 1 ? ",\"" : "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') array += '\\';
        array += c;
    }
    array += '"';
}

}  // namespace

std::string array_of(std::string_view text) {
    std::string array = "{";
    append_element(array, text);
    return array + "}";
}

std::optional<std::string> read_list(const Arguments& arguments, std::string_view option, bool globs) {
    const auto text = arguments.find(option);
    if (!text) return std::nullopt;
    std::string array = "{";
    for (std::string_view rest = *text;;) {
        const auto comma = std::min(rest.find(','), rest.size());
        const auto word = rest.substr(0, comma);
        if (word.empty()) throw Error{Fault::usage, fmt::format("--{}: an empty word in '{}'", option, *text)};
        append_element(array, globs ? like_pattern(word) : std::string{word});
        if (comma == rest.size()) break;
        rest.remove_prefix(comma + 1);
    }
    return array + "}";
}

}  // namespace tally::cli
