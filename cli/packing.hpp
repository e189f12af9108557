// SPDX-License-Identifier: Apache-2.0
// Streams that are packed on their way: gzip and Zstandard.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tally::cli {

/// Takes what is to be packed, and hands the packed bytes on.
class Packer {
public:
    using Sink = std::function<void(std::string_view)>;

    Packer() = default;
    virtual ~Packer() = default;
    Packer(const Packer&) = delete;
    Packer& operator=(const Packer&) = delete;

    virtual void write(std::string_view data) = 0;
    /// Writes what is still held. Call it once, at the end.
    virtual void finish() = 0;
};

/// By the end of the file's name: ".gz", ".zst"; anything else goes through as it is.
std::unique_ptr<Packer> make_packer(std::string_view path, Packer::Sink sink);

/// The path without such an end.
std::string_view without_packing(std::string_view path);

}  // namespace tally::cli
