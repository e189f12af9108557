// SPDX-License-Identifier: Apache-2.0
// Reads usage headers: percentages in JSON, or requests left until a bucket is full.
#include "daemon/platform/usage.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace tally::platform {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::minutes;

/// A rolling window says only how full it is: just below the stop requests come this far apart, which lets hours pass
/// while the old ones roll out.
constexpr milliseconds kWidestSpacing{10'000};
/// At the stop without word of how long: look again after this.
constexpr minutes kStopPause{5};
constexpr double kLongestWaitMinutes = 24.0 * 60.0;
constexpr double kLargestNumber = 4e9;  // more is neither a count of requests nor a Unix time

std::optional<double> number_in(const std::string* header) {
    if (header == nullptr) return std::nullopt;
    double number = 0;
    const auto [end, error] = std::from_chars(header->data(), header->data() + header->size(), number);
    const bool whole = error == std::errc{} && end == header->data() + header->size();
    return whole && number >= 0 && number <= kLargestNumber ? std::optional{number} : std::nullopt;
}

double highest(const std::vector<JsonPath>& paths, const json& document) {
    double result = 0;
    for (const auto& path : paths) {
        for (const auto* found : path.all(document)) {
            if (found->is_number()) result = std::max(result, found->get<double>());
        }
    }
    return result;
}

std::optional<UsageReading> read_percent(const UsageHeader& usage, const HttpAnswer& answer, Instant now) {
    const auto* header = answer.header(usage.header);
    if (header == nullptr) return std::nullopt;
    const auto document = json::parse(*header, nullptr, false);
    if (!document.is_structured()) return std::nullopt;
    const auto percent = highest(usage.percent, document);
    const auto wait = usage.minutes ? std::min(highest({*usage.minutes}, document), kLongestWaitMinutes) : 0.0;
    UsageReading reading{.scope = usage.scope, .used = percent / 100.0, .blocked_until = {}, .resets_at = {}};
    if (wait > 0)
        reading.blocked_until = now + milliseconds{static_cast<milliseconds::rep>(std::ceil(wait * 60'000.0))};
    else if (percent >= usage.stop_at)
        reading.blocked_until = now + kStopPause;
    if (percent >= usage.slow_at) {
        const auto span = std::max(1.0, static_cast<double>(usage.stop_at) - usage.slow_at);
        const auto share = std::clamp((percent - usage.slow_at) / span, 0.1, 1.0);
        reading.spacing =
            milliseconds{static_cast<milliseconds::rep>(share * static_cast<double>(kWidestSpacing.count()))};
    }
    return reading;
}

std::optional<UsageReading> read_remaining(const UsageHeader& usage, const HttpAnswer& answer, Instant now) {
    const auto left = number_in(answer.header(usage.header)), limit = number_in(answer.header(usage.limit_header)),
               reset = number_in(answer.header(usage.reset_header));
    if (!left || !limit || !reset || *limit < 1) return std::nullopt;
    // One second more: their clock and ours are not the same.
    const Instant resets_at{std::chrono::seconds{static_cast<std::int64_t>(*reset) + 1}};
    UsageReading reading{.scope = usage.scope, .used = 1.0 - *left / *limit, .blocked_until = {}, .resets_at = {}};
    if (resets_at <= now || resets_at > now + std::chrono::hours{24}) return reading;
    reading.resets_at = resets_at;
    if (*left < 1) reading.blocked_until = resets_at;
    if (reading.used * 100 >= usage.slow_at && *left >= 1)
        reading.spacing = std::chrono::ceil<milliseconds>((resets_at - now) / static_cast<std::int64_t>(*left));
    return reading;
}

}  // namespace

std::vector<UsageReading> read_usage(const Platform& platform, const HttpAnswer& answer, Instant now) {
    std::vector<UsageReading> readings;
    for (const auto& usage : platform.usage) {
        const auto reading = usage.kind == UsageHeader::Kind::percent ? read_percent(usage, answer, now)
                                                                      : read_remaining(usage, answer, now);
        if (reading) readings.push_back(*reading);
    }
    return readings;
}

}  // namespace tally::platform
