// SPDX-License-Identifier: Apache-2.0
// Any text as a platform file: it loads or is refused with an Error, and a loaded one can be planned and rendered.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/error.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/platform/request.hpp"
#include "daemon/platform/token_request.hpp"

using namespace tally;
using namespace tally::platform;

namespace {

/// Every step of every login can be made.
void log_in(const Platform& platform) {
    const TokenValues values{.app = {.client_id = "app", .client_secret = Secret{"secret"}},
                             .access_token = Secret{"a"},
                             .refresh_token = Secret{"r"},
                             .code = Secret{"c"},
                             .code_verifier = Secret{"v"},
                             .device_code = Secret{"d"},
                             .redirect_uri = "http://127.0.0.1/",
                             .scopes = "s"};
    for (const auto& login : platform.auth.logins) {
        for (const auto* step : {&login.code, &login.exchange})
            if (*step) render_token_request(**step, "fuzz", values, {});
        if (login.refresh) render_token_request(login.refresh->request, "fuzz", values, {});
        if (login.validate) render_token_request(login.validate->request, "fuzz", values, {});
        if (login.device) render_token_request(login.device->start, "fuzz", values, {});
        if (login.device) render_token_request(login.device->poll, "fuzz", values, {});
        if (login.authorize) authorize_url(login, "app", "http://127.0.0.1/", {"s"}, "state", Secret{"v"}, {});
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto root = YamlNode::parse({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
        const auto platform = load_platform(root);
        const Target target{
            .account = "42", .attributes = {}, .access_token = Secret{"t"}, .derived_tokens = {}, .base_url = {}};
        const Coverage nothing;
        const auto now = parse_instant("2026-11-21T20:00:00Z").value();
        const auto asked = plan({.platform = platform,
                                 .zone = platform.day.zone.value_or(TimeZone::utc()),
                                 .coverage = nothing,
                                 .now = now,
                                 .backfill = std::chrono::days{40},
                                 .forced = {}});
        log_in(platform);
        for (const auto& task : asked.tasks) render(platform, target, task);
    } catch (const Error&) {  // told: that is what a wrong file must lead to
    }
    return 0;
}
