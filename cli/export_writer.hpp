// SPDX-License-Identifier: Apache-2.0
// Rows as a whole document of one of the export formats.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "cli/export_row.hpp"

namespace tally::cli {

enum class ExportFormat { csv, ndjson, json, xlsx };

/// What PostgreSQL's rows become. Constant memory, however many there are.
class ExportWriter {
public:
    /// Takes the document piece by piece; may throw, which ends the export.
    using Sink = std::function<void(std::string_view)>;

    ExportWriter() = default;
    virtual ~ExportWriter() = default;
    ExportWriter(const ExportWriter&) = delete;
    ExportWriter& operator=(const ExportWriter&) = delete;

    virtual void append(const ExportRow& row) = 0;
    /// Writes what is missing of the document. Call it once, behind the last row.
    virtual void finish() = 0;
};

/// @param escape_formulas of CSV, see append_csv()
std::unique_ptr<ExportWriter> make_export_writer(ExportFormat format, ExportWriter::Sink sink,
                                                 bool escape_formulas = false);

/// A workbook, made in the system's directory for temporary files ($TMPDIR) and handed to the sink by finish():
/// numbers, dates, times (UTC) and booleans are such; a sheet has at most `rows_a_sheet` rows below its header, and
/// further ones follow.
/// @throws Error (failed) when the directory has no room, or a text is longer than a cell may be (32,767 characters)
std::unique_ptr<ExportWriter> make_xlsx_writer(ExportWriter::Sink sink, std::uint32_t rows_a_sheet = 1'048'575);

}  // namespace tally::cli
