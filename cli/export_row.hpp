// SPDX-License-Identifier: Apache-2.0
// One exported row: from PostgreSQL's COPY text to CSV or NDJSON.
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

enum class ExportFormat { csv, ndjson };

/// One field as RFC 4180 wants it: in quotes when it holds a quote, comma or line break.
void append_csv(std::string& out, std::string_view field);

/// JSON without white space between its tokens; PostgreSQL's jsonb text has some.
void append_compact_json(std::string& out, std::string_view json);

/// "2026-11-21 02:00:00.25+00" (PostgreSQL with the time zone UTC) as "2026-11-21T02:00:00.25Z".
void append_utc(std::string& out, std::string_view timestamp);

/// Renders rows; reuses its buffers, so that the cost of a row is a few copies.
class ExportRows {
public:
    explicit ExportRows(ExportFormat format) : format_(format) {}

    /// The first line of the output; empty for NDJSON.
    std::string header() const;

    /// Appends one row. @param line a row of COPY's text format with its newline
    /// @throws Error (internal) when it has not exactly the columns above
    void append(std::string& out, std::string_view line);

private:
    void decode(std::string_view line);
    void append_field_csv(std::string& out, ExportColumn column);
    void append_field_json(std::string& out, ExportColumn column);

    ExportFormat format_;
    std::array<std::string, kExportColumns> fields_;
    std::array<bool, kExportColumns> null_{};
    std::string scratch_;
};

}  // namespace tally::cli
