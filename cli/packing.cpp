// SPDX-License-Identifier: Apache-2.0
// zlib and libzstd.
#include "cli/packing.hpp"

#include <zlib.h>
#include <zstd.h>

#include <array>
#include <new>
#include <utility>

#include "common/error.hpp"

namespace tally::cli {

namespace {

constexpr std::string_view kGzip = ".gz", kZstd = ".zst";
constexpr std::size_t kBlock = 64U << 10U;
constexpr int kGzipWindow = 15 + 16;  // the largest window, in gzip's frame
constexpr int kGzipLevel = 6, kZstdLevel = 3, kGzipMemory = 8;

class Plain : public Packer {
public:
    explicit Plain(Sink sink) : sink_(std::move(sink)) {}
    void write(std::string_view data) override { sink_(data); }
    void finish() override {}

private:
    Sink sink_;
};

class Gzip : public Packer {
public:
    explicit Gzip(Sink sink) : sink_(std::move(sink)) {
        if (::deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipWindow, kGzipMemory, Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc{};
    }
    ~Gzip() override { ::deflateEnd(&stream_); }
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;

    void write(std::string_view data) override {
        while (!data.empty()) {
            const auto part = data.substr(0, kBlock);
            pack(part, Z_NO_FLUSH);
            data.remove_prefix(part.size());
        }
    }
    void finish() override { pack({}, Z_FINISH); }

private:
    void pack(std::string_view data, int flush) {
        // zlib does not write to its input, but says so only in newer versions.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
        stream_.avail_in = static_cast<uInt>(data.size());
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(block_.data());
            stream_.avail_out = static_cast<uInt>(block_.size());
            if (::deflate(&stream_, flush) == Z_STREAM_ERROR) throw Error{Fault::internal, "zlib lost its state"};
            sink_({block_.data(), block_.size() - stream_.avail_out});
        } while (stream_.avail_out == 0);
    }

    Sink sink_;
    z_stream stream_{};
    std::array<char, kBlock> block_{};
};

class Zstd : public Packer {
public:
    explicit Zstd(Sink sink) : sink_(std::move(sink)), context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
        if (!context_) throw std::bad_alloc{};
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
    }

    void write(std::string_view data) override { pack(data, ZSTD_e_continue); }
    void finish() override { pack({}, ZSTD_e_end); }

private:
    void pack(std::string_view data, ZSTD_EndDirective directive) {
        ZSTD_inBuffer in{data.data(), data.size(), 0};
        for (bool more = true; more;) {
            ZSTD_outBuffer out{block_.data(), block_.size(), 0};
            const auto left = ZSTD_compressStream2(context_.get(), &out, &in, directive);
            if (ZSTD_isError(left) != 0) throw Error{Fault::internal, std::string{"zstd: "} + ZSTD_getErrorName(left)};
            if (out.pos > 0) sink_({block_.data(), out.pos});
            more = directive == ZSTD_e_end ? left > 0 : in.pos < in.size;
        }
    }

    Sink sink_;
    std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
    std::array<char, kBlock> block_{};
};

}  // namespace

std::unique_ptr<Packer> make_packer(std::string_view path, Packer::Sink sink) {
    if (path.ends_with(kGzip)) return std::make_unique<Gzip>(std::move(sink));
    if (path.ends_with(kZstd)) return std::make_unique<Zstd>(std::move(sink));
    return std::make_unique<Plain>(std::move(sink));
}

std::string_view without_packing(std::string_view path) {
    for (const auto end : {kGzip, kZstd})
        if (path.ends_with(end)) path.remove_suffix(end.size());
    return path;
}

}  // namespace tally::cli
