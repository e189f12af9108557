// SPDX-License-Identifier: Apache-2.0
// Values on their way to PostgreSQL: single ones in its text form, many in its binary one.
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

/// A row of a binary COPY, or the elements of a binary array: one call a column, in their order, and of the column's
/// own type.
class CopyRow {
public:
    /// @param out to which the row is appended; must outlive it
    explicit CopyRow(std::string& out) : out_(out) {}
    CopyRow(const CopyRow&) = delete;
    CopyRow& operator=(const CopyRow&) = delete;

    void add_null();
    void add_text(std::string_view value);
    void add_jsonb(std::string_view value);
    void add_bool(bool value);
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

/// Types as pg_type numbers them.
enum class Type : std::uint32_t {
    as_text = 0,  ///< none: the text form of whatever type
    boolean = 16,
    bytea = 17,
    name = 19,
    int8 = 20,
    int2 = 21,
    int4 = 23,
    text = 25,
    json = 114,
    float8 = 701,
    varchar = 1043,
    date = 1082,
    timestamptz = 1184,
    jsonb = 3802,
};

/// The type of an array's elements.
template <class T>
struct ArrayElement;
template <class T>
struct ArrayElement<std::optional<T>> {
    using type = T;
};
template <>
struct ArrayElement<bool> {
    using type = bool;
    static constexpr auto kType = Type::boolean;
};
template <std::integral T>
struct ArrayElement<T> {
    using type = T;
    static constexpr auto kType = Type::int8;
};
template <>
struct ArrayElement<std::string> {
    using type = std::string;
    static constexpr auto kType = Type::text;
};
template <>
struct ArrayElement<Day> {
    using type = Day;
    static constexpr auto kType = Type::date;
};
template <>
struct ArrayElement<Instant> {
    using type = Instant;
    static constexpr auto kType = Type::timestamptz;
};

/// One parameter of a statement: a text, an array in the binary form, or NULL.
class Param {
public:
    Param(std::nullopt_t) {}
    Param(std::string value) : value_(std::move(value)) {}
    Param(std::string_view value) : value_(value) {}
    Param(const char* value) : value_(value) {}
    Param(bool value) : value_(value ? "true" : "false") {}
    template <std::integral T>
    requires(!std::same_as<T, bool>) Param(T value) : value_(std::to_string(value)) {}
    Param(double value) : value_(to_text(value)) {}
    Param(Instant value) : value_(to_text(value)) {}
    Param(Day value) : value_(to_text(value)) {}
    Param(const Bytes& value) : value_(to_text(value)) {}
    template <class T>
    Param(const std::optional<T>& value) {
        if (value) *this = Param(*value);
    }
    /// An array, whose type the statement has to name: bigint[] for whole numbers of any width. Read and written
    /// without a text between: a statement for many rows has thousands of elements. Bytes are one value, not an array.
    template <class T>
    requires(!std::same_as<T, unsigned char>) Param(const std::vector<T>& values) : value_(""), binary_(true) {
        using Element = typename ArrayElement<T>::type;
        begin_array(values.size(), ArrayElement<Element>::kType);
        CopyRow elements{*value_};
        for (const T& value : values) add_element(elements, value);
    }

    const char* data() const noexcept { return value_ ? value_->data() : nullptr; }
    std::size_t size() const noexcept { return value_ ? value_->size() : 0; }
    bool is_binary() const noexcept { return binary_; }

private:
    void begin_array(std::size_t size, Type element);
    template <class T>
    static void add_element(CopyRow& elements, const std::optional<T>& value) {
        if (value)
            add_element(elements, *value);
        else
            elements.add_null();
    }
    static void add_element(CopyRow& elements, bool value) { elements.add_bool(value); }
    template <std::integral T>
    static void add_element(CopyRow& elements, T value) {
        elements.add_int8(static_cast<std::int64_t>(value));
    }
    static void add_element(CopyRow& elements, Day value) { elements.add_date(value); }
    static void add_element(CopyRow& elements, Instant value) { elements.add_timestamptz(value); }
    static void add_element(CopyRow& elements, std::string_view value) { elements.add_text(value); }

    std::optional<std::string> value_;
    bool binary_ = false;
};

/// A value that the database sent, not NULL: in its binary form, or as text. @throws Error (internal) when it is of
/// another type than what is asked for: the statement is wrong, and wants a cast
struct Field {
    std::string_view text() const;  ///< of JSON, too
    std::int64_t integer() const;   ///< of any width
    double number() const;          ///< of a double precision column
    bool boolean() const;
    Instant instant() const;  ///< 'infinity' and '-infinity' become kNever and Instant::min()
    Day day() const;
    Bytes bytes() const;

    const char* column;
    Type type;
    std::string_view data;

private:
    [[noreturn]] void refuse(const char* wanted) const;
};

}  // namespace tally::postgres
