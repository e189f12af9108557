// SPDX-License-Identifier: Apache-2.0
// Values on their way to PostgreSQL, in its text form.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/time.hpp"

namespace tally::postgres {

using Bytes = std::vector<unsigned char>;

/// A moment that never comes; 'infinity' in the database.
constexpr Instant kNever = Instant::max();

std::string to_text(Instant instant);  ///< kNever and Instant::min() become 'infinity' and '-infinity'
std::string to_text(Day day);
std::string to_text(double value);                          ///< the shortest form that reads back as the same number
std::string to_text(std::span<const unsigned char> bytes);  ///< "\x…"

/// @throws Error (internal) when the text is not what a session in UTC and ISO style sends
Instant instant_from_text(std::string_view text);
Day day_from_text(std::string_view text);
Bytes bytes_from_text(std::string_view text);

/// True for text that the database takes: valid UTF-8 without NUL.
bool is_storable(std::string_view text) noexcept;

/// The text with every malformed byte and NUL replaced by '?', cut to `max_bytes` between characters.
std::string make_storable(std::string_view text, std::size_t max_bytes);

/// One parameter of a statement: a text or NULL.
class Param {
public:
    Param(std::nullopt_t) {}
    Param(std::string value) : text_(std::move(value)) {}
    Param(std::string_view value) : text_(value) {}
    Param(const char* value) : text_(value) {}
    Param(bool value) : text_(value ? "true" : "false") {}
    template <std::integral T>
    requires(!std::same_as<T, bool>) Param(T value) : text_(std::to_string(value)) {}
    Param(double value) : text_(to_text(value)) {}
    Param(Instant value) : text_(to_text(value)) {}
    Param(Day value) : text_(to_text(value)) {}
    Param(const Bytes& value) : text_(to_text(value)) {}
    template <class T>
    Param(const std::optional<T>& value) {
        if (value) text_ = Param(*value).text_;
    }
    /// An array of anything that is a parameter itself; bytes are one value, not an array.
    template <class T>
    requires(!std::same_as<T, unsigned char>) Param(const std::vector<T>& values) {
        text_ = "{";
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (i > 0) *text_ += ',';
            append_element(Param(static_cast<const T&>(values[i])));
        }
        *text_ += '}';
    }

    const char* c_str() const noexcept { return text_ ? text_->c_str() : nullptr; }
    const std::optional<std::string>& text() const noexcept { return text_; }

private:
    void append_element(const Param& element);
    std::optional<std::string> text_;
};

}  // namespace tally::postgres
