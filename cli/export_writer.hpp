// SPDX-License-Identifier: Apache-2.0
// Rows as a whole document of one of the export formats.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cli/export_row.hpp"

namespace tally::cli {

enum class ExportFormat { csv, ndjson, json, xlsx };

/// What rows become. Constant memory, however many there are.
class ExportWriter {
public:
    /// Takes the document piece by piece; may throw, which ends the export.
    using Sink = std::function<void(std::string_view)>;

    ExportWriter() = default;
    virtual ~ExportWriter() = default;
    ExportWriter(const ExportWriter&) = delete;
    ExportWriter& operator=(const ExportWriter&) = delete;

    /// @param row a field a column
    virtual void append(Fields row) = 0;
    /// Writes what is missing of the document. Call it once, behind the last row.
    virtual void finish() = 0;
};

struct ExportStyle {
    ExportFormat format = ExportFormat::csv;
    bool escape_formulas = false;            ///< of CSV, see CsvFormat
    std::string sheet = "snapshots";         ///< the name of a workbook's sheets
    std::uint32_t rows_a_sheet = 1'048'575;  ///< below its header; further ones follow in sheets of their own
};

/// A workbook is made in the system's directory for temporary files ($TMPDIR) and handed to the sink by finish():
/// numbers, dates, times (UTC) and booleans are such.
/// @throws Error (failed) when the directory has no room, a text is longer than a cell may be (32,767 characters), or a
///         workbook has not so many columns (16,384)
std::unique_ptr<ExportWriter> make_export_writer(const Columns& columns, const ExportStyle& style,
                                                 ExportWriter::Sink sink);

/// The workbook alone, for make_export_writer().
std::unique_ptr<ExportWriter> make_xlsx_writer(const Columns& columns, const ExportStyle& style,
                                               ExportWriter::Sink sink);

}  // namespace tally::cli
