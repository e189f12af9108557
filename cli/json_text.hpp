// SPDX-License-Identifier: Apache-2.0
// Reading the daemon's JSON leniently (a newer daemon may add or drop members) and printing it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common/time.hpp"

namespace tally::cli {

using Json = nlohmann::json;

/// The member, or a shared null when it is absent or `object` is no object.
const Json& member(const Json& object, std::string_view name) noexcept;

/// A text, number or boolean as text; empty for null and absent.
std::string text_of(const Json& object, std::string_view name);
std::int64_t number_of(const Json& object, std::string_view name) noexcept;  ///< 0 when it is no number
std::optional<double> fraction_of(const Json& object,
                                  std::string_view name) noexcept;  ///< nullopt when it is no number
bool flag_of(const Json& object, std::string_view name) noexcept;

/// "1.4 GB", powers of 1000 as disks are sold
std::string render_size(std::int64_t bytes);
/// The two largest units: "3d 4h", "12m 5s", "0s"
std::string render_span(std::chrono::seconds span);
/// "3m 2s ago" or "in 4h 0m" for an RFC 3339 time; the text itself when it is none, empty for empty
std::string render_when(const std::string& time, Instant now);

/// Indented, invalid UTF-8 replaced, with a newline at the end.
std::string render_json(const Json& value);

}  // namespace tally::cli
