// SPDX-License-Identifier: Apache-2.0
// Reads lines with a bound on their length.
#include "cli/line_chunks.hpp"

#include <utility>

namespace tally::cli {

LineChunks::Line LineChunks::read_line(std::string& line) {
    line.clear();
    if (in_.peek() == std::istream::traits_type::eof()) return Line::none;
    ++line_number_;
    char buffer[16'384];
    bool fits = true;
    for (;;) {
        // getline() with a buffer stops at the newline or when the buffer is full (failbit then).
        in_.getline(buffer, sizeof buffer);
        const auto count = static_cast<std::size_t>(in_.gcount());
        const bool full = in_.fail() && !in_.eof() && !in_.bad();
        const bool newline = !in_.fail() && !in_.eof();
        const auto length = newline ? count - 1 : count;
        fits = fits && line.size() + length + 1 <= limit_;
        if (fits) line.append(buffer, length);
        if (!full) break;
        in_.clear();
    }
    line += '\n';
    return fits ? Line::whole : Line::too_long;
}

std::optional<LineChunk> LineChunks::next() {
    LineChunk chunk;
    chunk.text = std::exchange(held_, {});
    chunk.lines = chunk.text.empty() ? 0 : 1;
    chunk.first_line = chunk.text.empty() ? line_number_ + 1 : line_number_;
    std::string line;
    for (;;) {
        switch (read_line(line)) {
            case Line::none:
                if (chunk.lines == 0) return std::nullopt;
                return chunk;
            case Line::too_long:
                // The chunk ends here, so that line N of its text stays line first_line + N - 1 of the file.
                chunk.too_long.push_back(line_number_);
                return chunk;
            case Line::whole:
                if (!chunk.text.empty() && chunk.text.size() + line.size() > limit_) {
                    held_ = std::move(line);
                    return chunk;
                }
                chunk.text += line;
                ++chunk.lines;
        }
    }
}

}  // namespace tally::cli
