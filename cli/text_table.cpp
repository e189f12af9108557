// SPDX-License-Identifier: Apache-2.0
// Pads cells to columns.
#include "cli/text_table.hpp"

#include <algorithm>
#include <utility>

namespace tally::cli {

std::size_t display_width(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
}

TextTable::TextTable(std::vector<Column> columns, const Palette& palette, Sink sink)
    : columns_(std::move(columns)), palette_(palette), sink_(std::move(sink)) {}

void TextTable::add(std::vector<std::string> row, Tone tone) {
    row.resize(columns_.size());
    for (auto& cell : row) cell = cell.empty() ? "-" : printable(cell);
    ++rows_;
    if (!widths_.empty()) {
        write({std::move(row), tone});
        return;
    }
    held_.push_back({std::move(row), tone});
    if (held_.size() == kHeldRows) start();
}

void TextTable::finish() {
    if (widths_.empty()) start();
}

void TextTable::start() {
    Row head{{}, Tone::strong};
    for (const auto& column : columns_) {
        head.cells.emplace_back(column.title);
        widths_.push_back(display_width(column.title));
    }
    for (const auto& row : held_) {
        for (std::size_t i = 0; i < row.cells.size(); ++i)
            widths_[i] = std::max(widths_[i], display_width(row.cells[i]));
    }
    write(head);
    for (const auto& row : held_) write(row);
    held_.clear();
    held_.shrink_to_fit();
}

void TextTable::write(const Row& row) {
    std::string line;
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
        const auto width = display_width(row.cells[i]);
        const auto padding = widths_[i] > width ? widths_[i] - width : 0;
        if (i > 0) line += "  ";
        if (columns_[i].right) line.append(padding, ' ');
        line += row.cells[i];
        if (!columns_[i].right && i + 1 < row.cells.size()) line.append(padding, ' ');
    }
    sink_(palette_.paint(row.tone, line) + "\n");
}

}  // namespace tally::cli
