// SPDX-License-Identifier: Apache-2.0
// Cuts a long text into chunks of whole lines, so that a file of any size is sent with little memory.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace tally::cli {

struct LineChunk {
    std::string text;              ///< whole lines, each with its newline
    std::uint64_t first_line = 1;  ///< number of its first line in the whole file, from 1
    std::uint64_t lines = 0;
    std::vector<std::uint64_t> too_long;  ///< lines that were left out because they do not fit into any chunk
};

/// Every line is in exactly one chunk, or named in `too_long`; a chunk's lines are neighbours in the file.
class LineChunks {
public:
    /// @param in must outlive this; @param limit bytes of a chunk
    LineChunks(std::istream& in, std::size_t limit) : in_(in), limit_(limit) {}

    /// nullopt at the end. `text` may be empty when there are only lines that are too long.
    std::optional<LineChunk> next();

private:
    enum class Line { none, whole, too_long };
    Line read_line(std::string& line);

    std::istream& in_;
    std::size_t limit_;
    std::string held_;  // a line that did not fit into the chunk before
    std::uint64_t line_number_ = 0;
};

}  // namespace tally::cli
