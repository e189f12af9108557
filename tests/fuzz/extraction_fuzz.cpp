// SPDX-License-Identifier: Apache-2.0
// Any text as an answer to every request of the shipped platforms: a verdict, and numbers that can be stored or an
// Error.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "common/error.hpp"
#include "daemon/platform/catalog.hpp"
#include "daemon/platform/classify.hpp"
#include "daemon/platform/extraction.hpp"
#include "daemon/platform/lookup.hpp"

using namespace tally;
using namespace tally::platform;

namespace {

const auto kNow = parse_instant("2026-11-21T20:00:00Z").value();
const DayRange kDays{parse_day("2026-11-16").value(), parse_day("2026-11-19").value()};

void require(bool holds) {
    if (!holds) std::abort();
}

void extract(const Platform& platform, const Target& target, const Request& request, const std::string& body) {
    auto days = request.window == Request::Window::now ? std::nullopt : std::optional{kDays};
    if (request.window == Request::Window::day) days->last = days->first;
    try {
        Extraction extraction{platform, target, {.request = &request, .days = days, .metrics = request.metrics}, kNow};
        extraction.add_page(body);
        extraction.next_page();
        const auto result = extraction.finish();
        for (const auto& sample : result.samples) {
            require(std::isfinite(sample.value));
            require(!days || (sample.day >= days->first && sample.day <= days->last));
        }
        require(!days || result.days.size() == static_cast<std::size_t>((days->last - days->first).count() + 1));
    } catch (const Error&) {  // the shape is not what the file says
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Catalog catalog = Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
    static const Target target{.account = "42",
                               .attributes = {{"timezone", "Europe/Berlin"}, {"currency", "EUR"}},
                               .access_token = Secret{"t"},
                               .derived_tokens = {},
                               .base_url = {}};
    const std::string body{reinterpret_cast<const char*>(data), size};
    for (const auto& platform : catalog.all()) {
        for (const int status : {200, 400, 429, 503}) {
            const auto verdict =
                classify(*platform, {.status = status, .headers = {{"retry-after", body}}, .body = body}, kNow);
            require(verdict.message.size() <= 300 && verdict.wait.count() >= 0);
        }
        for (const auto& request : platform->requests) extract(*platform, target, request, body);
        const auto answer = nlohmann::json::parse(body, nullptr, false);
        for (const auto& lookup : platform->lookups) {
            try {
                read_lookup(lookup, answer);
            } catch (const Error&) {  // something is missing
            }
        }
    }
    return 0;
}
