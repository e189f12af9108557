// SPDX-License-Identifier: Apache-2.0
// The 64-bit hashes every simulated number is drawn from.
#pragma once

#include <cstdint>
#include <string_view>

namespace sim {

/// splitmix64's finaliser: every input bit moves every output bit.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31U);
}

constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
    return mix(a ^ mix(b));
}

constexpr std::uint64_t hash_text(std::string_view text) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return mix(hash);
}

/// In [0, 1).
constexpr double unit(std::uint64_t hash) noexcept {
    return static_cast<double>(hash >> 11U) * 0x1.0p-53;
}

}  // namespace sim
