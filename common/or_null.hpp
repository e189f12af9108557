// SPDX-License-Identifier: Apache-2.0
// What is absent is null in JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>

#include "common/time.hpp"

namespace tally {

/// An instant as RFC 3339, everything else as it is.
template <typename T>
nlohmann::json or_null(const std::optional<T>& value) {
    if (!value) return nullptr;
    if constexpr (std::is_same_v<T, Instant>)
        return render_instant(*value);
    else
        return *value;
}

/// An empty text is an absent one.
inline nlohmann::json or_null(const std::string& text) {
    return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
}

}  // namespace tally
