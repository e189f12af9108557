// SPDX-License-Identifier: Apache-2.0
// Any text as a platform file: it loads or is refused with an Error, and a loaded one can be planned and rendered.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/error.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/platform/request.hpp"

using namespace tally;
using namespace tally::platform;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto root = YamlNode::parse({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
        const auto platform = load_platform(root);
        const Target target{
            .account = "42", .attributes = {}, .access_token = Secret{"t"}, .derived_tokens = {}, .base_url = {}};
        const Coverage nothing;
        const auto now = parse_instant("2026-11-21T20:00:00Z").value();
        for (const auto& task : plan({.platform = platform,
                                .zone = platform.day.zone.value_or(TimeZone::utc()),
                                .coverage = nothing,
                                .now = now,
                                .backfill = std::chrono::days{40},
                                .forced = {}}))
            render(platform, target, task);
    } catch (const Error&) {  // told: that is what a wrong file must lead to
    }
    return 0;
}
