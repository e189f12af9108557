// SPDX-License-Identifier: Apache-2.0
// Walks JSON documents along pointers with wildcards.
#include "daemon/platform/json_path.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace tally::platform {

namespace {

using nlohmann::json;

constexpr std::string_view kWildcard = "*";

std::optional<std::string> unescape(std::string_view step) {
    std::string result;
    for (std::size_t i = 0; i < step.size(); ++i) {
        if (step[i] != '~') {
            result += step[i];
        } else if (++i < step.size() && (step[i] == '0' || step[i] == '1')) {
            result += step[i] == '0' ? '~' : '/';
        } else {
            return std::nullopt;
        }
    }
    return result;
}

const json* child(const json& node, const std::string& step) {
    if (node.is_object()) {
        const auto found = node.find(step);
        return found == node.end() ? nullptr : &*found;
    }
    if (!node.is_array()) return nullptr;
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
    const bool number = error == std::errc{} && end == step.data() + step.size();
    return number && index < node.size() ? &node[index] : nullptr;
}

}  // namespace

std::optional<JsonPath> JsonPath::parse(std::string_view text) {
    JsonPath path;
    if (!text.empty() && text.front() != '/') return std::nullopt;
    while (!text.empty()) {
        text.remove_prefix(1);
        const auto end = std::min(text.find('/'), text.size());
        auto step = unescape(text.substr(0, end));
        if (!step || step->empty()) return std::nullopt;  // an empty member name is always a slip of the pen
        path.steps_.push_back(*std::move(step));
        text.remove_prefix(end);
    }
    return path;
}

std::vector<const json*> JsonPath::all(const json& document) const {
    std::vector<const json*> here{&document};
    for (const auto& step : steps_) {
        std::vector<const json*> next;
        for (const auto* node : here) {
            if (step != kWildcard) {
                if (const auto* found = child(*node, step)) next.push_back(found);
            } else if (node->is_structured()) {
                for (const auto& element : *node) next.push_back(&element);
            }
        }
        here = std::move(next);
    }
    return here;
}

const json* JsonPath::first(const json& document) const {
    if (has_wildcard()) {
        const auto found = all(document);
        return found.empty() ? nullptr : found.front();
    }
    const auto* node = &document;
    for (const auto& step : steps_) {
        node = child(*node, step);
        if (node == nullptr) return nullptr;
    }
    return node;
}

JsonPath JsonPath::fixed_part() const {
    JsonPath result;
    result.steps_.assign(steps_.begin(), std::find(steps_.begin(), steps_.end(), kWildcard));
    return result;
}

bool JsonPath::has_wildcard() const {
    return std::find(steps_.begin(), steps_.end(), kWildcard) != steps_.end();
}

std::string JsonPath::text() const {
    std::string result;
    for (const auto& step : steps_) {
        result += '/';
        for (const char c : step) {
            if (c == '~')
                result += "~0";
            else if (c == '/')
                result += "~1";
            else
                result += c;
        }
    }
    return result;
}

std::optional<std::string> scalar_text(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number_integer() || value.is_boolean()) return value.dump();
    return std::nullopt;
}

}  // namespace tally::platform
