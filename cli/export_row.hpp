// SPDX-License-Identifier: Apache-2.0
// One exported row: from PostgreSQL's COPY text to CSV or JSON.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace tally::cli {

/// The columns of an export, in their order: a contract (man tallyctl). The statement `export_snapshots` has the same.
enum class ExportColumn : unsigned {
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
constexpr std::array<std::string_view, kExportColumns> kExportNames{"user_id", "platform",   "account_id", "source",
                                                                    "metric",  "date",       "value",      "unit",
                                                                    "final",   "fetched_at", "revision",   "metadata"};

/// One field as RFC 4180 wants it: in quotes when it holds a quote, comma or line break.
void append_csv(std::string& out, std::string_view field);

/// JSON without white space between its tokens; PostgreSQL's jsonb text has some.
void append_compact_json(std::string& out, std::string_view json);

/// "2026-11-21 02:00:00.25+00" (PostgreSQL with the time zone UTC) as "2026-11-21T02:00:00.25Z".
void append_utc(std::string& out, std::string_view timestamp);

/// One row, decoded. Keeps its buffers, so that the next row costs a few copies.
class ExportRow {
public:
    /// @param line a row of COPY's text format with its newline
    /// @throws Error (internal) when it has not exactly the columns above
    void decode(std::string_view line);

    bool is_null(ExportColumn column) const noexcept { return null_[static_cast<std::size_t>(column)]; }
    /// In PostgreSQL's text form; empty for NULL.
    std::string_view field(ExportColumn column) const noexcept { return fields_[static_cast<std::size_t>(column)]; }

private:
    std::array<std::string, kExportColumns> fields_;
    std::array<bool, kExportColumns> null_{};
};

/// A line of CSV with the names of the columns.
std::string csv_header();
/// Appends the row as a line of CSV, with CRLF. @param escape_formulas texts that a spreadsheet would take for a
/// formula (they begin with = + - @, a tab or a return) get an apostrophe in front
void append_csv(std::string& out, const ExportRow& row, bool escape_formulas = false);
/// Appends the row as a JSON object.
void append_json(std::string& out, const ExportRow& row);

}  // namespace tally::cli
