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

/// A row of a binary COPY: one call a column, in their order, and of the column's own type.
class CopyRow {
public:
    /// @param out to which the row is appended; must outlive it
    explicit CopyRow(std::string& out) : out_(out) {}
    CopyRow(const CopyRow&) = delete;
    CopyRow& operator=(const CopyRow&) = delete;

    void add_null();
    void add_text(std::string_view value);
    void add_jsonb(std::string_view value);
    void add_int4(std::int32_t value);
    void add_int8(std::int64_t value);
    void add_float8(double value);
    void add_date(Day value);
    void add_timestamptz(Instant value);  ///< kNever and Instant::min() become 'infinity' and '-infinity'

    std::size_t columns() const noexcept { return columns_; }

private:
    template <std::integral T>
    void add_number(T value);
    std::string& out_;
    std::size_t columns_ = 0;
};

/// The big-endian form in which binary messages carry whole numbers.
template <std::integral T>
void append_big_endian(std::string& out, T value) {
    for (auto shift = sizeof value; shift-- > 0;)
        out += static_cast<char>(static_cast<std::make_unsigned_t<T>>(value) >> (8 * shift));
}

}  // namespace tally::postgres
