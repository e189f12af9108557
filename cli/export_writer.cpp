// SPDX-License-Identifier: Apache-2.0
// The formats that are text: rows gathered into blocks.
#include "cli/export_writer.hpp"

#include <string>
#include <utility>

namespace tally::cli {

namespace {

constexpr std::size_t kBlock = 256U << 10U;  // bytes gathered before a write

/// What all of them do with a block.
class TextWriter : public ExportWriter {
protected:
    explicit TextWriter(Sink sink) : sink_(std::move(sink)) {}

    void write_full() {
        if (block_.size() < kBlock) return;
        sink_(block_);
        block_.clear();
    }

    Sink sink_;
    std::string block_;
};

class CsvWriter : public TextWriter {
public:
    CsvWriter(const Columns& columns, const ExportStyle& style, Sink sink)
        : TextWriter(std::move(sink)), rows_(columns, style.escape_formulas) {
        block_ = rows_.header();
    }

    void append(Fields row) override {
        rows_.append(block_, row);
        write_full();
    }

    void finish() override { sink_(block_); }

private:
    CsvFormat rows_;
};

/// An object a line, or an array of them.
class JsonWriter : public TextWriter {
public:
    JsonWriter(const Columns& columns, bool array, Sink sink)
        : TextWriter(std::move(sink)), array_(array), rows_(columns) {}

    void append(Fields row) override {
        if (array_) block_ += first_ ? "[\n" : ",\n";
        rows_.append(block_, row);
        if (!array_) block_ += '\n';
        first_ = false;
        write_full();
    }

    void finish() override {
        if (array_) block_ += first_ ? "[]\n" : "\n]\n";
        sink_(block_);
    }

private:
    bool array_, first_ = true;
    JsonFormat rows_;
};

}  // namespace

std::unique_ptr<ExportWriter> make_export_writer(const Columns& columns, const ExportStyle& style,
                                                 ExportWriter::Sink sink) {
    switch (style.format) {
        case ExportFormat::csv:
            return std::make_unique<CsvWriter>(columns, style, std::move(sink));
        case ExportFormat::xlsx:
            return make_xlsx_writer(columns, style, std::move(sink));
        case ExportFormat::ndjson:
        case ExportFormat::json:
            break;
    }
    return std::make_unique<JsonWriter>(columns, style.format == ExportFormat::json, std::move(sink));
}

}  // namespace tally::cli
