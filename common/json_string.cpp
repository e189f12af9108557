// SPDX-License-Identifier: Apache-2.0
// Escapes what RFC 8259 wants escaped.
#include "common/json_string.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace tally {

void append_json_string(std::string& out, std::string_view text) {
    constexpr auto kSpecial = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; };
    out += '"';
    for (;;) {
        const auto plain = std::find_if(text.begin(), text.end(), kSpecial);
        out.append(text.begin(), plain);
        if (plain == text.end()) break;
        switch (*plain) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            default:
                fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(*plain));
        }
        text.remove_prefix(static_cast<std::size_t>(plain - text.begin()) + 1);
    }
    out += '"';
}

}  // namespace tally
