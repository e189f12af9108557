// SPDX-License-Identifier: Apache-2.0
// Text forms of values as PostgreSQL reads and writes them.
#include "common/postgres/value.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>

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

void Param::append_element(const Param& element) {
    if (!element.text_) {
        *text_ += "NULL";
        return;
    }
    *text_ += '"';
    for (const char c : *element.text_) {
        if (c == '"' || c == '\\') *text_ += '\\';
        *text_ += c;
    }
    *text_ += '"';
}

// Day 0 and moment 0 of PostgreSQL.
constexpr Day kEpochDay{std::chrono::year{2000} / std::chrono::January / 1};
constexpr Instant kEpoch{kEpochDay.time_since_epoch()};

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

}  // namespace tally::postgres
