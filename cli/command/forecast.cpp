// SPDX-License-Identifier: Apache-2.0
// tallyctl platform forecast
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "cli/command/handlers.hpp"
#include "cli/command/listing.hpp"
#include "cli/context.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"
#include "common/time_zone.hpp"
#include "daemon/collect/radar.hpp"
#include "daemon/platform/catalog.hpp"

namespace tally::cli {

namespace {

using collect::Ending;

constexpr int kMostDays = 3'650;

/// A date on which something ends or begins.
struct Change {
    Day date;
    bool begins = false;
    std::string platform;
    std::string_view what;  ///< metric, request or version
    std::string name;
    std::string replaced_by;
};

int read_days(const Arguments& arguments) {
    const auto text = arguments.find("days").value_or("365");
    int days = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), days);
    if (error != std::errc{} || stop != text.data() + text.size() || days < 1 || days > kMostDays)
        throw Error{Fault::usage, fmt::format("--days: not a number from 1 to {}: '{}'", kMostDays, text)};
    return days;
}

std::string_view text_of_what(Ending::What what) {
    switch (what) {
        case Ending::What::metric:
            return "metric";
        case Ending::What::request:
            return "request";
        case Ending::What::version:
            break;
    }
    return "version";
}

std::vector<Change> changes_until(const collect::Platforms& platforms, Day today, Day last) {
    std::vector<Change> changes;
    for (const auto& ending : collect::ending(platforms, today, {})) {
        if (ending.until && *ending.until <= last)
            changes.push_back({.date = *ending.until,
                               .begins = false,
                               .platform = ending.platform,
                               .what = text_of_what(ending.what),
                               .name = ending.name,
                               .replaced_by = ending.replaced_by});
    }
    for (const auto& platform : platforms) {
        for (const auto& metric : platform->metrics) {
            if (!metric.since || *metric.since <= today || *metric.since > last) continue;
            changes.push_back({.date = *metric.since,
                               .begins = true,
                               .platform = platform->name,
                               .what = "metric",
                               .name = metric.name,
                               .replaced_by = {}});
        }
    }
    std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
        return std::tie(a.date, a.platform, a.name) < std::tie(b.date, b.platform, b.name);
    });
    return changes;
}

/// Connections by platform; null when no daemon can be asked, which is no failure here.
Json connections_of(Context& context) {
    try {
        Json counts = Json::object();
        const auto status = context.daemon().get(api_path({"status"}));
        for (const auto& platform : member(status, "platforms"))
            counts[text_of(platform, "platform")] = number_of(platform, "connections");
        return counts;
    } catch (const Error&) {
        return nullptr;
    }
}

}  // namespace

int forecast_platforms(Context& context, const Arguments& arguments) {
    const auto days = read_days(arguments);
    const auto today = TimeZone::utc().day_of(now());
    const auto catalog = platform::Catalog::load(context.platform_directories());
    const auto changes = changes_until(catalog.all(), today, today + std::chrono::days{days});
    const auto counts = changes.empty() ? Json{} : connections_of(context);
    if (context.json) {
        auto list = Json::array();
        for (const auto& change : changes) {
            const auto day = render_day(change.date);
            list.push_back({{"platform", change.platform},
                            {"what", change.what},
                            {"name", change.name},
                            {"since", change.begins ? Json(day) : Json{}},
                            {"until", change.begins ? Json{} : Json(day)},
                            {"days_left", (change.date - today).count()},
                            {"connections", member(counts, change.platform)},
                            {"replaced_by", change.replaced_by.empty() ? Json{} : Json(change.replaced_by)}});
        }
        context.print(list);
        return kExitDone;
    }
    if (changes.empty()) {
        context.console.say(fmt::format("nothing is known to end or to begin within {} days", days));
        return kExitDone;
    }
    auto table = make_table(
        context,
        {{"DATE"}, {"DAYS LEFT", true}, {"PLATFORM"}, {"WHAT"}, {"CHANGE"}, {"CONNECTIONS", true}, {"REPLACED BY"}});
    for (const auto& change : changes) {
        const bool counted = member(counts, change.platform).is_number();
        table.add({render_day(change.date), std::to_string((change.date - today).count()), change.platform,
                   fmt::format("{} {}", change.what, change.name), change.begins ? "begins" : "ends",
                   counted ? with_separators(number_of(counts, change.platform)) : "", change.replaced_by},
                  !change.begins && change.date - today <= std::chrono::days{60} ? Tone::warning : Tone::plain);
    }
    table.finish();
    return kExitDone;
}

}  // namespace tally::cli
