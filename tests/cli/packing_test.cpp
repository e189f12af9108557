// SPDX-License-Identifier: Apache-2.0
// What was packed is there again when it is unpacked.
#include "cli/packing.hpp"

#include <doctest/doctest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <random>

using namespace tally::cli;

namespace {

/// Text that packs well and noise that does not, in pieces of all sizes.
std::string packed(std::string_view path, const std::string& text) {
    std::string out;
    const auto packer = make_packer(path, [&](std::string_view block) { out += block; });
    std::mt19937 random{7};
    for (std::string_view rest = text; !rest.empty();) {
        const auto piece = rest.substr(0, random() % 200'000);
        packer->write(piece);
        rest.remove_prefix(piece.size());
    }
    packer->finish();
    return out;
}

std::string sample() {
    std::mt19937 random{42};
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += "acme,instagram,17,social_media,views,2026-11-20\r\n";
    for (int i = 0; i < 500'000; ++i) text += static_cast<char>(random());
    return text;
}

std::string gunzip(const std::string& data, std::size_t size) {
    std::string out(size + 1, '\0');
    z_stream stream{};
    REQUIRE(::inflateInit2(&stream, 15 + 16) == Z_OK);
    std::string copy = data;
    stream.next_in = reinterpret_cast<Bytef*>(copy.data());
    stream.avail_in = static_cast<uInt>(copy.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    CHECK(::inflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    ::inflateEnd(&stream);
    return out;
}

}  // namespace

TEST_CASE("gzip and Zstandard give back what they took") {
    const auto text = sample();
    const auto gz = packed("a.csv.gz", text), zst = packed("a.csv.zst", text);
    CHECK(gunzip(gz, text.size()) == text);
    std::string out(text.size() + 1, '\0');
    const auto size = ZSTD_decompress(out.data(), out.size(), zst.data(), zst.size());
    REQUIRE(ZSTD_isError(size) == 0);
    out.resize(size);
    CHECK(out == text);
    CHECK(std::max(gz.size(), zst.size()) < text.size() - 900'000);
    CHECK(packed("a.csv", text) == text);
}

TEST_CASE("nothing is packed as nothing") {
    CHECK(gunzip(packed("a.gz", ""), 0).empty());
    CHECK(packed("a.csv", "").empty());
    CHECK(without_packing("a.csv.gz") == "a.csv");
    CHECK(without_packing("a.json.zst") == "a.json");
    CHECK(without_packing("gz") == "gz");
}
