// SPDX-License-Identifier: Apache-2.0
// Any pages as the answer to one request of each shape: an Error, or numbers that can be stored, each once.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "common/error.hpp"
#include "daemon/platform/catalog.hpp"
#include "daemon/platform/extraction.hpp"
#include "daemon/platform/request.hpp"

using namespace tally;
using namespace tally::platform;

namespace {

const auto kNow = parse_instant("2026-11-21T20:00:00Z").value();
const DayRange kDays{parse_day("2026-11-14").value(), parse_day("2026-11-19").value()};

/// The first byte of an input chooses one, from 'a' on: seeds can be read.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kRequests{{
    {"instagram", "profile"},
    {"youtube", "channel"},
    {"facebook", "insights"},
    {"facebook", "by_is_from_ads"},
    {"facebook", "monetization"},
    {"instagram", "totals"},
    {"instagram", "by_product_and_follow_type"},
    {"youtube", "by_content_type"},
    {"snapchat", "campaigns"},
    {"snapchat_profile", "daily"},
    {"twitch", "clips"},
}};
constexpr char kPageEnd = '\x1e';

void require(bool holds) {
    if (!holds) std::abort();
}

void check(const Extraction::Result& result, const Task& task) {
    std::set<std::pair<std::string, Day>> seen;
    for (const auto* samples : {&result.samples, &result.compared}) {
        for (const auto& sample : *samples) {
            require(std::isfinite(sample.value));
            require(!sample.metric.empty() && sample.metric.size() <= 200);
            require(nlohmann::json::parse(sample.metadata, nullptr, false).is_object());
            require(result.days.contains(sample.day));
            require(seen.emplace(sample.metric, sample.day).second);
        }
    }
    const auto wanted = task.days ? (task.days->last - task.days->first).count() + 1 : 1;
    require(result.days.size() == static_cast<std::size_t>(wanted));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Catalog catalog = Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
    static const Target target{.account = "42",
                               .attributes = {{"timezone", "Europe/Berlin"}, {"currency", "EUR"}},
                               .access_token = Secret{"t"},
                               .derived_tokens = {},
                               .base_url = {}};
    if (size == 0) return 0;
    const auto& [platform_name, request_name] = kRequests[(data[0] + 256 - 'a') % kRequests.size()];
    const auto platform = catalog.find(platform_name);
    const auto& request = *platform->find_request(request_name);
    Task task{.request = &request, .days = kDays, .metrics = request.metrics};
    if (request.window == Request::Window::now) task.days.reset();
    if (request.window == Request::Window::day) task.days->last = task.days->first;
    std::string_view pages{reinterpret_cast<const char*>(data) + 1, size - 1};
    Extraction extraction{*platform, target, task, kNow};
    try {
        for (bool more = true; more;) {
            const auto end = std::min(pages.find(kPageEnd), pages.size());
            extraction.add_page(std::string{pages.substr(0, end)});
            const auto next = extraction.next_page();
            if (next) render_page(*platform, target, task, *next);
            more = next && end < pages.size();
            pages.remove_prefix(std::min(end + 1, pages.size()));
        }
        check(extraction.finish(), task);
    } catch (const Error&) {  // the shape is not what the file says, a link leads away, or pages are missing
    }
    return 0;
}
