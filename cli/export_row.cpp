// SPDX-License-Identifier: Apache-2.0
// Decodes COPY's text format and writes rows as CSV and JSON.
#include "cli/export_row.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.hpp"
#include "common/json_string.hpp"

namespace tally::cli {

namespace {

char unescape(char c) noexcept {
    switch (c) {
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'v':
            return '\v';
        default:
            return c;
    }
}

bool looks_like_formula(std::string_view field) {
    return !field.empty() && std::string_view{"=+-@\t\r"}.find(field.front()) != std::string_view::npos;
}

void append_boolean(std::string& out, std::string_view field) {
    out += field == "t" ? "true" : "false";
}

}  // namespace

void append_csv(std::string& out, std::string_view field) {
    if (field.find_first_of("\",\r\n") == std::string_view::npos) {
        out += field;
        return;
    }
    out += '"';
    for (std::size_t at = 0; at < field.size();) {
        const auto quote = field.find('"', at);
        if (quote == std::string_view::npos) {
            out += field.substr(at);
            break;
        }
        out += field.substr(at, quote - at + 1);
        out += '"';
        at = quote + 1;
    }
    out += '"';
}

void append_compact_json(std::string& out, std::string_view json) {
    bool in_string = false, escaped = false;
    for (const char c : json) {
        const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (in_string || !space) out += c;
        if (in_string && escaped)
            escaped = false;
        else if (in_string && c == '\\')
            escaped = true;
        else if (c == '"')
            in_string = !in_string;
    }
}

void append_utc(std::string& out, std::string_view timestamp) {
    const auto start = out.size();
    out += timestamp;
    if (const auto space = out.find(' ', start); space != std::string::npos) out[space] = 'T';
    if (out.ends_with("+00")) out.replace(out.size() - 3, 3, "Z");
}

void ExportRow::decode(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    std::size_t column = 0;
    for (std::size_t at = 0;; ++column) {
        if (column == kExportColumns) throw Error{Fault::internal, "an exported row has too many columns"};
        const auto end = std::min(line.find('\t', at), line.size());
        const auto raw = line.substr(at, end - at);
        auto& field = fields_[column];
        null_[column] = raw == "\\N";
        if (raw.find('\\') == std::string_view::npos || null_[column]) {
            field.assign(null_[column] ? std::string_view{} : raw);
        } else {
            field.clear();
            for (std::size_t i = 0; i < raw.size(); ++i) {
                const bool escape = raw[i] == '\\' && i + 1 < raw.size();
                field += escape ? unescape(raw[++i]) : raw[i];
            }
        }
        if (end == line.size()) break;
        at = end + 1;
    }
    if (column + 1 != kExportColumns) throw Error{Fault::internal, "an exported row has too few columns"};
}

std::string csv_header() {
    return fmt::format("{}\r\n", fmt::join(kExportNames, ","));
}

void append_csv(std::string& out, const ExportRow& row, bool escape_formulas) {
    for (std::size_t i = 0; i < kExportColumns; ++i) {
        const auto column = static_cast<ExportColumn>(i);
        if (i > 0) out += ',';
        if (row.is_null(column)) continue;
        const auto field = row.field(column);
        switch (column) {
            case ExportColumn::final_:
                append_boolean(out, field);
                break;
            case ExportColumn::fetched_at:
                append_utc(out, field);
                break;
            case ExportColumn::metadata: {
                std::string compact;
                append_compact_json(compact, field);
                append_csv(out, compact);
                break;
            }
            case ExportColumn::value:  // a minus is its sign
                out += field;
                break;
            default:
                if (escape_formulas && looks_like_formula(field))
                    append_csv(out, fmt::format("'{}", field));
                else
                    append_csv(out, field);
        }
    }
    out += "\r\n";
}

void append_json(std::string& out, const ExportRow& row) {
    for (std::size_t i = 0; i < kExportColumns; ++i) {
        const auto column = static_cast<ExportColumn>(i);
        out += i == 0 ? "{\"" : ",\"";
        out += kExportNames[i];
        out += "\":";
        const auto field = row.field(column);
        if (row.is_null(column)) {
            out += "null";
            continue;
        }
        switch (column) {
            case ExportColumn::value:
            case ExportColumn::revision:
                out += field;
                break;
            case ExportColumn::final_:
                append_boolean(out, field);
                break;
            case ExportColumn::fetched_at:
                out += '"';
                append_utc(out, field);
                out += '"';
                break;
            case ExportColumn::metadata:
                append_compact_json(out, field);
                break;
            default:
                append_json_string(out, field);
        }
    }
    out += '}';
}

}  // namespace tally::cli
