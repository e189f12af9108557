// SPDX-License-Identifier: Apache-2.0
// A file that appears whole or not at all.
#pragma once

#include <string>
#include <string_view>

namespace tally::cli {

/// Written beside its place under another name and renamed at the end; removed again when it is not committed. What is
/// no regular file (a pipe, /dev/stdout) is written directly. @throws Error (failed) with the system's reason
class OutputFile {
public:
    explicit OutputFile(std::string path);
    ~OutputFile();
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    void write(std::string_view data);
    /// Makes the content durable and the name valid. Call it once.
    void commit();

private:
    [[noreturn]] void fail(std::string_view what) const;

    std::string path_, temporary_;  // temporary_ is empty when path_ itself is written
    int file_ = -1;
};

}  // namespace tally::cli
