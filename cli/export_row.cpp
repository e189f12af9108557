// SPDX-License-Identifier: Apache-2.0
// Decodes COPY's text format and writes rows as CSV and JSON.
#include "cli/export_row.hpp"

#include <algorithm>
#include <array>

#include "common/error.hpp"
#include "common/json_string.hpp"

namespace tally::cli {

namespace {

char unescape_character(char c) noexcept {
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

constexpr auto kQuotedInCsv = [] {
    std::array<bool, 256> table{};
    for (const char c : {'"', ',', '\r', '\n'}) table[static_cast<unsigned char>(c)] = true;
    return table;
}();

bool looks_like_formula(std::string_view field) {
    return !field.empty() && std::string_view{"=+-@\t\r"}.find(field.front()) != std::string_view::npos;
}

/// @param before goes in front of the field, inside its quotes
void append_csv(std::string& out, std::string_view field, std::string_view before) {
    if (std::none_of(field.begin(), field.end(), [](char c) { return kQuotedInCsv[static_cast<unsigned char>(c)]; })) {
        out += before;
        out += field;
        return;
    }
    out += '"';
    out += before;
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

void append_csv_text(std::string& out, std::string_view text, bool escape_formulas) {
    append_csv(out, text, escape_formulas && looks_like_formula(text) ? "'" : "");
}

void append_boolean(std::string& out, std::string_view field) {
    out += field == "t" ? "true" : "false";
}

std::vector<ColumnKind> kinds_of(const Columns& columns) {
    std::vector<ColumnKind> kinds;
    for (const auto& column : columns) kinds.push_back(column.kind);
    return kinds;
}

}  // namespace

const Columns& export_columns() {
    static const Columns columns{{.name = "user_id", .width = 16},
                                 {.name = "platform", .width = 11},
                                 {.name = "account_id", .width = 20},
                                 {.name = "source", .width = 13},
                                 {.name = "metric", .width = 28},
                                 {.name = "date", .kind = ColumnKind::date, .width = 11},
                                 {.name = "value", .kind = ColumnKind::number, .width = 14},
                                 {.name = "unit", .width = 10},
                                 {.name = "final", .kind = ColumnKind::boolean, .width = 7},
                                 {.name = "fetched_at", .kind = ColumnKind::time, .width = 20},
                                 {.name = "revision", .kind = ColumnKind::number, .width = 9},
                                 {.name = "metadata", .kind = ColumnKind::json, .width = 60}};
    return columns;
}

void append_csv(std::string& out, std::string_view field) {
    append_csv(out, field, "");
}

void append_compact_json(std::string& out, std::string_view json) {
    for (std::size_t at = 0; at < json.size();) {
        // Between texts: single characters, few of them white space.
        while (at < json.size() && json[at] != '"') {
            const char c = json[at++];
            if (c != ' ' && c != '\t' && c != '\n' && c != '\r') out += c;
        }
        const auto begin = at;
        while (++at < json.size() && json[at] != '"')
            if (json[at] == '\\') ++at;
        if (begin < json.size()) out += json.substr(begin, ++at - begin);
    }
}

void append_utc(std::string& out, std::string_view timestamp) {
    const auto start = out.size();
    out += timestamp;
    if (const auto space = out.find(' ', start); space != std::string::npos) out[space] = 'T';
    if (out.ends_with("+00")) out.replace(out.size() - 3, 3, "Z");
}

// -- ExportRow --------------------------------------------------------------------------------------------------------

void ExportRow::decode(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    unescaped_.clear();
    unescaped_.reserve(line.size());
    auto field = fields_.begin();
    for (;; ++field) {
        if (field == fields_.end()) throw Error{Fault::internal, "an exported row has too many columns"};
        const auto end = std::min(line.find('\t'), line.size());
        const auto raw = line.substr(0, end);
        if (raw.find('\\') == std::string_view::npos)
            *field = raw;
        else if (raw == "\\N")
            *field = std::nullopt;
        else
            *field = unescape(raw);
        if (end == line.size()) break;
        line.remove_prefix(end + 1);
    }
    if (++field != fields_.end()) throw Error{Fault::internal, "an exported row has too few columns"};
}

std::string_view ExportRow::unescape(std::string_view raw) {
    const auto start = unescaped_.size();
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const bool escape = raw[i] == '\\' && i + 1 < raw.size();
        unescaped_ += escape ? unescape_character(raw[++i]) : raw[i];
    }
    return std::string_view{unescaped_}.substr(start);
}

// -- CsvFormat --------------------------------------------------------------------------------------------------------

CsvFormat::CsvFormat(const Columns& columns, bool escape_formulas)
    : kinds_(kinds_of(columns)), escape_formulas_(escape_formulas) {
    for (const auto& column : columns) {
        if (!header_.empty()) header_ += ',';
        append_csv_text(header_, column.name, escape_formulas_);
    }
    header_ += "\r\n";
}

void CsvFormat::append(std::string& out, Fields row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (i > 0) out += ',';
        if (!row[i]) continue;
        switch (kinds_[i]) {
            case ColumnKind::boolean:
                append_boolean(out, *row[i]);
                break;
            case ColumnKind::time:
                append_utc(out, *row[i]);
                break;
            case ColumnKind::json:
                json_.clear();
                append_compact_json(json_, *row[i]);
                append_csv(out, json_, "");
                break;
            case ColumnKind::number:  // a minus is its sign
            case ColumnKind::date:
                out += *row[i];
                break;
            case ColumnKind::text:
                append_csv_text(out, *row[i], escape_formulas_);
        }
    }
    out += "\r\n";
}

// -- JsonFormat -------------------------------------------------------------------------------------------------------

JsonFormat::JsonFormat(const Columns& columns) : kinds_(kinds_of(columns)) {
    for (const auto& column : columns) {
        auto& name = names_.emplace_back(names_.empty() ? "{" : ",");
        append_json_string(name, column.name);
        name += ':';
    }
}

void JsonFormat::append(std::string& out, Fields row) const {
    for (std::size_t i = 0; i < row.size(); ++i) {
        out += names_[i];
        if (!row[i]) {
            out += "null";
            continue;
        }
        switch (kinds_[i]) {
            case ColumnKind::number:
                out += *row[i];
                break;
            case ColumnKind::boolean:
                append_boolean(out, *row[i]);
                break;
            case ColumnKind::date:
                out += '"';
                out += *row[i];
                out += '"';
                break;
            case ColumnKind::time:
                out += '"';
                append_utc(out, *row[i]);
                out += '"';
                break;
            case ColumnKind::json:
                append_compact_json(out, *row[i]);
                break;
            case ColumnKind::text:
                append_json_string(out, *row[i]);
        }
    }
    out += '}';
}

}  // namespace tally::cli
