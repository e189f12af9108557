// SPDX-License-Identifier: Apache-2.0
// A writer for the small part of YAML that a configuration needs.
#include "cli/yaml_text.hpp"

#include <algorithm>

namespace tally::cli {

namespace {

/// Plain where no reader can take it for something else; JSON's quoted form, which is YAML too, otherwise.
std::string render_scalar(const Json& value) {
    auto quoted = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (!value.is_string()) return quoted;
    const auto& text = value.get_ref<const std::string&>();
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/'; };
    const auto plain = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'; };
    const bool safe = !text.empty() && letter(text.front()) && std::all_of(text.begin(), text.end(), plain);
    for (const auto* word : {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}) {
        const auto same = [](char a, char b) { return (a | 0x20) == b; };
        if (std::equal(text.begin(), text.end(), word, word + std::char_traits<char>::length(word), same))
            return quoted;
    }
    return safe ? text : quoted;
}

bool is_block(const Json& value) {
    return value.is_structured() && !value.empty();
}

void append(std::string& out, const Json& value, std::size_t indent) {
    const std::string space(indent, ' ');
    const auto items = value.items();
    for (const auto& [key, item] : items) {
        out += value.is_object() ? space + render_scalar(key) + ":" : space + "-";
        if (is_block(item)) {
            out += '\n';
            append(out, item, indent + 2);
        } else {
            out += " " + render_scalar(item) + "\n";
        }
    }
}

}  // namespace

std::string render_yaml(const Json& value) {
    if (!is_block(value)) return render_scalar(value) + "\n";
    std::string out;
    append(out, value, 0);
    return out;
}

}  // namespace tally::cli
