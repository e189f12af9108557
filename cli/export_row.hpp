// SPDX-License-Identifier: Apache-2.0
// Rows of a table: read from PostgreSQL's COPY text, written as CSV or JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::cli {

/// What a column holds; a format shows each kind in its own way.
enum class ColumnKind : std::uint8_t {
    text,
    date,     ///< "2026-11-21"
    number,   ///< as PostgreSQL writes it, which JSON takes too
    boolean,  ///< "t" or "f"
    time,     ///< "2026-11-21 02:00:00.25+00"
    json,
};

struct TypedColumn {
    std::string name;
    ColumnKind kind = ColumnKind::text;
    double width = 14;  ///< characters, in a workbook
};
using Columns = std::vector<TypedColumn>;

/// A value in PostgreSQL's text form; nullopt for NULL.
using Field = std::optional<std::string_view>;
/// A row: a field a column.
using Fields = std::span<const Field>;

/// Where a column of an export stands: a contract (man tallyctl). The statement `export_snapshots` has the same.
enum class ExportColumn : std::uint8_t {
    user_id,
    platform,
    account_id,
    source,
    metric,
    date,
    value,
    unit,
    final_,
    fetched_at,
    revision,
    metadata
};
constexpr std::size_t kExportColumns = 12;
const Columns& export_columns();
inline const Field& field_of(Fields row, ExportColumn column) noexcept {
    return row[static_cast<std::size_t>(column)];
}

/// One field as RFC 4180 wants it: in quotes when it holds a quote, comma or line break.
void append_csv(std::string& out, std::string_view field);

/// JSON without white space between its tokens; PostgreSQL's jsonb text has some.
void append_compact_json(std::string& out, std::string_view json);

/// "2026-11-21 02:00:00.25+00" (PostgreSQL with the time zone UTC) as "2026-11-21T02:00:00.25Z".
void append_utc(std::string& out, std::string_view timestamp);

/// One row of COPY's text, decoded. Reads in place: nothing is copied but a field with escapes.
class ExportRow {
public:
    explicit ExportRow(std::size_t columns) : fields_(columns) {}

    /// @param line a row of COPY's text format with its newline; must outlive the fields
    /// @throws Error (internal) when it has another number of columns
    void decode(std::string_view line);

    Fields fields() const noexcept { return fields_; }

private:
    std::string_view unescape(std::string_view raw);

    std::vector<Field> fields_;
    std::string unescaped_;  // of the whole row, so that views of it stay valid
};

/// Writes rows as lines of CSV, with CRLF. Keeps a buffer, so that a row allocates nothing.
class CsvFormat {
public:
    /// @param escape_formulas texts that a spreadsheet would take for a formula (they begin with = + - @, a tab or a
    /// return) get an apostrophe in front, names of columns too
    explicit CsvFormat(const Columns& columns, bool escape_formulas = false);

    const std::string& header() const noexcept { return header_; }  ///< with its CRLF
    void append(std::string& out, Fields row);

private:
    std::vector<ColumnKind> kinds_;
    bool escape_formulas_;
    std::string header_, json_;
};

/// Writes rows as JSON objects.
class JsonFormat {
public:
    explicit JsonFormat(const Columns& columns);

    void append(std::string& out, Fields row) const;

private:
    std::vector<ColumnKind> kinds_;
    std::vector<std::string> names_;  // with what stands around them: {"user_id":
};

}  // namespace tally::cli
