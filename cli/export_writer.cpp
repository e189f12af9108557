// SPDX-License-Identifier: Apache-2.0
// The formats that are text: rows gathered into blocks.
#include "cli/export_writer.hpp"

#include <string>
#include <utility>

namespace tally::cli {

namespace {

constexpr std::size_t kBlock = 256U << 10U;  // bytes gathered before a write

class TextWriter : public ExportWriter {
public:
    TextWriter(ExportFormat format, Sink sink, bool escape_formulas)
        : format_(format), escape_formulas_(escape_formulas), sink_(std::move(sink)) {
        if (format_ == ExportFormat::csv) block_ = csv_header();
    }

    void append(const ExportRow& row) override {
        switch (format_) {
            case ExportFormat::csv:
                append_csv(block_, row, escape_formulas_);
                break;
            case ExportFormat::json:
                block_ += first_ ? "[\n" : ",\n";
                append_json(block_, row);
                break;
            default:
                append_json(block_, row);
                block_ += '\n';
        }
        first_ = false;
        if (block_.size() < kBlock) return;
        sink_(block_);
        block_.clear();
    }

    void finish() override {
        if (format_ == ExportFormat::json) block_ += first_ ? "[]\n" : "\n]\n";
        sink_(block_);
    }

private:
    ExportFormat format_;
    bool escape_formulas_;
    Sink sink_;
    std::string block_;
    bool first_ = true;
};

}  // namespace

std::unique_ptr<ExportWriter> make_export_writer(ExportFormat format, ExportWriter::Sink sink, bool escape_formulas) {
    if (format == ExportFormat::xlsx) return make_xlsx_writer(std::move(sink));
    return std::make_unique<TextWriter>(format, std::move(sink), escape_formulas);
}

}  // namespace tally::cli
