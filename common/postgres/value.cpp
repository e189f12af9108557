// SPDX-License-Identifier: Apache-2.0
// Text and binary forms of values as PostgreSQL reads and writes them.
#include "common/postgres/value.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>

#include "common/error.hpp"

namespace tally::postgres {

namespace {

/// Bytes of the UTF-8 character at the front, or 0 when there is none. Overlong forms and surrogates are none.
std::size_t character_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0U) == 0x80U; };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead < 0xC2) return 0;
    if (lead < 0xE0) return follows(1) ? 2 : 0;
    if (lead < 0xF0) {
        if (!follows(1) || !follows(2)) return 0;
        if (lead == 0xE0 && byte(1) < 0xA0) return 0;
        if (lead == 0xED && byte(1) > 0x9F) return 0;
        return 3;
    }
    if (lead > 0xF4 || !follows(1) || !follows(2) || !follows(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
}

/// Of the digits that the database writes; -1: none. A table: credentials come as some hundred digits each.
constexpr auto kHexValues = [] {
    std::array<std::int16_t, 256> values{};
    values.fill(-1);
    for (std::int16_t i = 0; i < 16; ++i) values[static_cast<unsigned char>("0123456789abcdef"[i])] = i;
    return values;
}();

// Day 0 and moment 0 of PostgreSQL.
constexpr Day kEpochDay{std::chrono::year{2000} / std::chrono::January / 1};
constexpr Instant kEpoch{kEpochDay.time_since_epoch()};

template <std::integral T>
T read_big_endian(std::string_view bytes) {
    std::make_unsigned_t<T> value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i)
        value = static_cast<std::make_unsigned_t<T>>(value << 8U | static_cast<unsigned char>(bytes[i]));
    return static_cast<T>(value);
}

}  // namespace

std::string to_text(Instant instant) {
    if (instant == Instant::max()) return "infinity";
    if (instant == Instant::min()) return "-infinity";
    return render_instant(instant);
}

std::string to_text(Day day) {
    return render_day(day);
}

std::string to_text(double value) {
    return fmt::format("{}", value);
}

std::string to_text(std::span<const unsigned char> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text = "\\x";
    text.reserve(2 + bytes.size() * 2);
    for (const unsigned char byte : bytes) {
        text += kDigits[byte >> 4U];
        text += kDigits[byte & 0xFU];
    }
    return text;
}

Instant instant_from_text(std::string_view text) {
    if (text == "infinity") return Instant::max();
    if (text == "-infinity") return Instant::min();
    // "2026-11-21 02:00:00.5+00" is RFC 3339 but for the blank and the short offset.
    std::string iso{text};
    if (iso.size() > 10 && iso[10] == ' ') iso[10] = 'T';
    if (iso.ends_with("+00")) iso.replace(iso.size() - 3, 3, "Z");
    const auto instant = parse_instant(iso);
    if (!instant) throw Error(Fault::internal, fmt::format("the database sent the time '{}'", text));
    return *instant;
}

Day day_from_text(std::string_view text) {
    const auto day = parse_day(text);
    if (!day) throw Error(Fault::internal, fmt::format("the database sent the date '{}'", text));
    return *day;
}

Bytes bytes_from_text(std::string_view text) {
    if (!text.starts_with("\\x") || text.size() % 2 != 0)
        throw Error(Fault::internal, "the database sent bytes in an unknown form");
    Bytes bytes(text.size() / 2 - 1);
    int all = 0;  // negative once a digit was
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const int high = kHexValues[static_cast<unsigned char>(text[2 + 2 * i])],
                  low = kHexValues[static_cast<unsigned char>(text[3 + 2 * i])];
        all |= high | low;
        bytes[i] = static_cast<unsigned char>(high << 4 | low);
    }
    if (all < 0) throw Error(Fault::internal, "the database sent bytes that are not hexadecimal");
    return bytes;
}

bool is_storable(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto length = text.front() == '\0' ? 0 : character_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string make_storable(std::string_view text, std::size_t max_bytes) {
    std::string clean;
    while (!text.empty()) {
        const auto length = text.front() == '\0' ? 0 : character_length(text);
        if (clean.size() + std::max<std::size_t>(length, 1) > max_bytes) break;
        if (length == 0) {
            clean += '?';
            text.remove_prefix(1);
        } else {
            clean += text.substr(0, length);
            text.remove_prefix(length);
        }
    }
    return clean;
}

void Param::begin_array(std::size_t size, Type element) {
    const auto append = [this](std::int32_t value) { append_big_endian(*value_, value); };
    append(size == 0 ? 0 : 1);  // dimensions
    append(0);                  // whether there are NULLs: PostgreSQL looks for itself
    append(static_cast<std::int32_t>(element));
    if (size == 0) return;
    append(static_cast<std::int32_t>(size));
    append(1);  // the first index
}

template <std::integral T>
void CopyRow::add_number(T value) {
    append_big_endian(out_, static_cast<std::int32_t>(sizeof value));
    append_big_endian(out_, value);
    ++columns_;
}

void CopyRow::add_null() {
    append_big_endian(out_, std::int32_t{-1});
    ++columns_;
}

void CopyRow::add_text(std::string_view value) {
    append_big_endian(out_, static_cast<std::int32_t>(value.size()));
    out_ += value;
    ++columns_;
}

void CopyRow::add_jsonb(std::string_view value) {
    constexpr char kVersion = 1;
    append_big_endian(out_, static_cast<std::int32_t>(value.size() + 1));
    out_ += kVersion;
    out_ += value;
    ++columns_;
}

void CopyRow::add_bool(bool value) {
    add_number(static_cast<std::int8_t>(value));
}

void CopyRow::add_int4(std::int32_t value) {
    add_number(value);
}

void CopyRow::add_int8(std::int64_t value) {
    add_number(value);
}

void CopyRow::add_float8(double value) {
    add_number(std::bit_cast<std::int64_t>(value));
}

void CopyRow::add_date(Day value) {
    add_number(static_cast<std::int32_t>((value - kEpochDay).count()));
}

void CopyRow::add_timestamptz(Instant value) {
    const bool infinite = value == kNever || value == Instant::min();
    add_number(static_cast<std::int64_t>(infinite ? value.time_since_epoch().count() : (value - kEpoch).count()));
}

void Field::refuse(const char* wanted) const {
    throw Error(Fault::internal, fmt::format("column '{}' is no {}, but of type {}: {} bytes", column, wanted,
                                             static_cast<std::uint32_t>(type), data.size()));
}

std::string_view Field::text() const {
    switch (type) {
        case Type::as_text:
        case Type::name:
        case Type::text:
        case Type::json:
        case Type::varchar:
            return data;
        case Type::jsonb:
            if (data.empty()) refuse("JSON");
            return data.substr(1);  // behind its version
        default:
            refuse("text");
    }
}

std::int64_t Field::integer() const {
    if (type == Type::as_text) {
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(data.data(), data.data() + data.size(), value);
        if (error != std::errc{} || end != data.data() + data.size()) refuse("whole number");
        return value;
    }
    if (type == Type::int8 && data.size() == sizeof(std::int64_t)) return read_big_endian<std::int64_t>(data);
    if (type == Type::int4 && data.size() == sizeof(std::int32_t)) return read_big_endian<std::int32_t>(data);
    if (type == Type::int2 && data.size() == sizeof(std::int16_t)) return read_big_endian<std::int16_t>(data);
    refuse("whole number");
}

double Field::number() const {
    if (type == Type::as_text) {
        double value = 0;
        const auto [end, error] = std::from_chars(data.data(), data.data() + data.size(), value);
        if (error != std::errc{} || end != data.data() + data.size()) refuse("number");
        return value;
    }
    if (type != Type::float8 || data.size() != sizeof(std::int64_t)) refuse("number");
    return std::bit_cast<double>(read_big_endian<std::int64_t>(data));
}

bool Field::boolean() const {
    if (type == Type::as_text) return data == "t";
    if (type != Type::boolean || data.size() != 1) refuse("boolean");
    return data.front() != 0;
}

Instant Field::instant() const {
    if (type == Type::as_text) return instant_from_text(data);
    if (type != Type::timestamptz || data.size() != sizeof(std::int64_t)) refuse("moment");
    const std::chrono::microseconds value{read_big_endian<std::int64_t>(data)};
    if (value == std::chrono::microseconds::max()) return kNever;
    if (value == std::chrono::microseconds::min()) return Instant::min();
    return kEpoch + value;
}

Day Field::day() const {
    if (type == Type::as_text) return day_from_text(data);
    if (type != Type::date || data.size() != sizeof(std::int32_t)) refuse("day");
    return kEpochDay + std::chrono::days{read_big_endian<std::int32_t>(data)};
}

Bytes Field::bytes() const {
    if (type == Type::as_text) return bytes_from_text(data);
    if (type != Type::bytea) refuse("bytes");
    return {data.begin(), data.end()};
}

}  // namespace tally::postgres
