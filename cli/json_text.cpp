// SPDX-License-Identifier: Apache-2.0
// Small renderers shared by the commands.
#include "cli/json_text.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace tally::cli {

const Json& member(const Json& object, std::string_view name) noexcept {
    static const Json nothing;
    if (!object.is_object()) return nothing;
    const auto found = object.find(name);
    return found == object.end() ? nothing : *found;
}

std::string text_of(const Json& object, std::string_view name) {
    const auto& value = member(object, name);
    if (value.is_null()) return {};
    if (value.is_string()) return value.get<std::string>();
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::int64_t number_of(const Json& object, std::string_view name) noexcept {
    const auto& value = member(object, name);
    return value.is_number() ? value.get<std::int64_t>() : 0;
}

std::optional<double> fraction_of(const Json& object, std::string_view name) noexcept {
    const auto& value = member(object, name);
    return value.is_number() ? std::optional{value.get<double>()} : std::nullopt;
}

bool flag_of(const Json& object, std::string_view name) noexcept {
    const auto& value = member(object, name);
    return value.is_boolean() && value.get<bool>();
}

std::string render_size(std::int64_t bytes) {
    constexpr std::array<const char*, 5> kUnits{"kB", "MB", "GB", "TB", "PB"};
    if (bytes < 1000) return fmt::format("{} B", bytes);
    auto value = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    // 999.95 would be printed as "1000.0".
    while (value >= 999.95 && unit + 1 < kUnits.size()) {
        value /= 1000;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string render_span(std::chrono::seconds span) {
    const auto seconds = std::max<std::int64_t>(0, span.count());
    if (seconds < 60) return fmt::format("{}s", seconds);
    if (seconds < 3600) return fmt::format("{}m {}s", seconds / 60, seconds % 60);
    if (seconds < 86'400) return fmt::format("{}h {}m", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{}d {}h", seconds / 86'400, seconds / 3600 % 24);
}

std::string render_when(const std::string& time, Instant now) {
    const auto instant = parse_instant(time);
    if (!instant) return time;
    const auto span = std::chrono::duration_cast<std::chrono::seconds>(now - *instant);
    return span.count() >= 0 ? fmt::format("{} ago", render_span(span)) : fmt::format("in {}", render_span(-span));
}

std::string render_json(const Json& value) {
    return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tally::cli
