// SPDX-License-Identifier: Apache-2.0
// JSON pointers (RFC 6901) with `*` for every element of a list or every member of an object.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::platform {

class JsonPath {
public:
    JsonPath() = default;  ///< the whole document

    /// "" or "/a/0/*/b", with ~0 and ~1 as escapes. nullopt when it is no pointer.
    static std::optional<JsonPath> parse(std::string_view text);

    /// What the path points to, in document order; missing parts give nothing. Pointers into `document`.
    std::vector<const nlohmann::json*> all(const nlohmann::json& document) const;
    /// The first of them, null when there is none.
    const nlohmann::json* first(const nlohmann::json& document) const;

    /// The part before the first `*`: the place that a whole answer must have.
    JsonPath fixed_part() const;

    bool has_wildcard() const;
    std::string text() const;  ///< as it was written
    friend bool operator==(const JsonPath&, const JsonPath&) = default;

private:
    std::vector<std::string> steps_;  // unescaped; "*" alone is the wildcard
};

/// A scalar as text: strings as they are, integers in digits, true and false; nullopt for anything else.
std::optional<std::string> scalar_text(const nlohmann::json& value);

}  // namespace tally::platform
