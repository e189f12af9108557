// SPDX-License-Identifier: Apache-2.0
// Columns of text, written as the rows come.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/console.hpp"

namespace tally::cli {

/// Characters that a terminal shows for this UTF-8 text (one per code point).
std::size_t display_width(std::string_view text) noexcept;

struct Column {
    std::string_view title;
    bool right = false;  ///< numbers
};

/// Widths are taken from the first rows (as many as are held back), so a million rows need no memory; a later, wider
/// cell moves only its own line.
class TextTable {
public:
    using Sink = std::function<void(std::string_view)>;
    static constexpr std::size_t kHeldRows = 500;

    TextTable(std::vector<Column> columns, const Palette& palette, Sink sink);
    /// @param row as many cells as columns; an empty cell is shown as "-"
    void add(std::vector<std::string> row, Tone tone = Tone::plain);
    /// Writes what is held back. Call it once at the end.
    void finish();
    std::size_t rows() const noexcept { return rows_; }

private:
    struct Row {
        std::vector<std::string> cells;
        Tone tone;
    };
    void write(const Row& row);
    void start();

    std::vector<Column> columns_;
    Palette palette_;
    Sink sink_;
    std::vector<Row> held_;
    std::vector<std::size_t> widths_;  // empty until the head is written
    std::size_t rows_ = 0;
};

}  // namespace tally::cli
