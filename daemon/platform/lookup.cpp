// SPDX-License-Identifier: Apache-2.0
// Reads the answers of look-ups.
#include "daemon/platform/lookup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/ascii.hpp"
#include "common/error.hpp"

namespace tally::platform {

namespace {

constexpr std::size_t kLongestValue = 4096;  // of a token; facts are far shorter

/// Empty when it is not there.
std::string value_at(const nlohmann::json& answer, const JsonPath& path) {
    const auto* found = path.first(answer);
    auto text = found == nullptr ? std::nullopt : scalar_text(*found);
    if (!text || text->size() > kLongestValue || std::any_of(text->begin(), text->end(), ascii::is_control)) return {};
    return *std::move(text);
}

[[noreturn]] void fail_missing(const Lookup& lookup, const std::string& name) {
    throw Error(Fault::failed, fmt::format("look-up '{}' did not tell '{}'", lookup.name, name));
}

}  // namespace

LookupResult read_lookup(const Lookup& lookup, const nlohmann::json& answer) {
    if (!answer.is_object())
        throw Error(Fault::failed, fmt::format("look-up '{}': the answer is no JSON object", lookup.name));
    LookupResult result;
    for (const auto& [name, path] : lookup.attributes) {
        auto value = value_at(answer, path);
        if (!value.empty())
            result.attributes.emplace(name, std::move(value));
        else if (!lookup.optional)
            fail_missing(lookup, name);
    }
    for (const auto& [name, path] : lookup.tokens) {
        Secret token{value_at(answer, path)};
        if (!token.empty())
            result.derived_tokens.emplace(name, std::move(token));
        else if (!lookup.optional)
            fail_missing(lookup, name);
    }
    return result;
}

bool lookup_due(const Lookup& lookup, const Target& target) {
    const auto missing = [](const auto& wanted, const auto& known) {
        return std::any_of(wanted.begin(), wanted.end(),
                           [&](const auto& entry) { return !known.contains(entry.first); });
    };
    return missing(lookup.attributes, target.attributes) || missing(lookup.tokens, target.derived_tokens);
}

}  // namespace tally::platform
