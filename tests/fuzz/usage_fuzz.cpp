// SPDX-License-Identifier: Apache-2.0
// Any text in the headers that tell of limits: waits within a day and spacings that a clock can bear.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "daemon/platform/catalog.hpp"
#include "daemon/platform/classify.hpp"
#include "daemon/platform/retry_after.hpp"
#include "daemon/platform/usage.hpp"

using namespace tally;
using namespace tally::platform;

namespace {

const auto kNow = parse_instant("2026-11-21T20:00:00Z").value();
constexpr std::chrono::hours kLongest{25};  // a day, and what a reset may lie ahead

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

/// Lines of the input are, in turn, Retry-After and the values of the headers that the platform names.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Catalog catalog = Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
    std::string rest{reinterpret_cast<const char*>(data), size};
    const auto line = [&] {
        const auto end = std::min(rest.find('\n'), rest.size());
        auto text = rest.substr(0, end);
        rest.erase(0, std::min(end + 1, rest.size()));
        return text;
    };
    HttpAnswer answer{.status = 429, .headers = {{"Retry-After", line()}}, .body = "{}"};
    if (const auto wait = parse_retry_after(answer.headers.front().second, kNow))
        require(wait->count() >= 0 && *wait <= std::chrono::hours{24});
    const auto values = rest;
    for (const auto& platform : catalog.all()) {
        answer.headers.resize(1);
        rest = values;
        for (const auto& usage : platform->usage) {
            for (const auto& header : {usage.header, usage.limit_header, usage.reset_header})
                if (!header.empty()) answer.headers.emplace_back(header, line());
        }
        for (const auto& reading : read_usage(*platform, answer, kNow)) {
            require(std::isfinite(reading.used));
            require(reading.spacing.count() >= 0 && reading.spacing <= kLongest);
            require(!reading.blocked_until || *reading.blocked_until <= kNow + kLongest);
            require(!reading.resets_at || *reading.resets_at <= kNow + kLongest);
        }
        for (const int status : {200, 429, 503}) {
            answer.status = status;
            const auto verdict = classify(*platform, answer, kNow);
            require(verdict.wait.count() >= 0 && verdict.wait <= kLongest);
        }
    }
    return 0;
}
