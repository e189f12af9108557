// SPDX-License-Identifier: Apache-2.0
// Renders URLs and headers.
#include "daemon/platform/request.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/error.hpp"
#include "common/url.hpp"
#include "daemon/platform/token_request.hpp"

namespace tally::platform {

namespace {

using std::chrono::seconds;

constexpr std::string_view kClientId = "{client_id}";

std::string fill(std::string_view text, const Endpoint& endpoint, const std::string& account) {
    std::string result;
    while (!text.empty()) {
        const auto open = std::min(text.find('{'), text.size());
        result += text.substr(0, open);
        text.remove_prefix(open);
        if (text.empty()) break;
        const auto close = text.find('}');  // the loader saw to it that there is one
        result += text.substr(0, close) == "{account" ? account : endpoint.version;
        text.remove_prefix(close + 1);
    }
    return result;
}

std::string render_time(const QueryValue& value, Instant instant, Day day) {
    switch (value.format) {
        case QueryValue::Format::unix_time:
            return std::to_string(std::chrono::floor<seconds>(instant.time_since_epoch()).count());
        case QueryValue::Format::date:
            return render_day(day);
        case QueryValue::Format::local:
            return render_day(day) + "T00:00:00";
        case QueryValue::Format::utc:
            break;
    }
    return render_instant(instant);
}

std::string render_value(const QueryValue& value, const Platform& platform, const Target& target,
                         const Endpoint& endpoint, const Task* task) {
    switch (value.kind) {
        case QueryValue::Kind::text:
            return fill(value.text, endpoint, target.account);
        case QueryValue::Kind::metrics:
            return fmt::format("{}", fmt::join(task->metrics, ","));
        default:
            break;
    }
    const auto& days = task->days.value();
    const auto window = bounds(platform, day_zone(platform, target), *task->request, days);
    if (value.kind == QueryValue::Kind::start) return render_time(value, window.start, days.first);
    if (value.kind == QueryValue::Kind::end) return render_time(value, window.end, days.last + std::chrono::days{1});
    return render_time(value, {}, days.last);
}

std::string base_of(const Platform& platform, const Endpoint& endpoint, const Target& target) {
    if (target.base_url) return *target.base_url;
    const auto* login = platform.auth.login_of(target.attributes);
    const bool own_place = login != nullptr && !login->base_url.empty() && endpoint.base_url == platform.api.base_url;
    return own_place ? login->base_url : endpoint.base_url;
}

std::string render_url(const Platform& platform, const Target& target, const Endpoint& endpoint, const Task* task) {
    auto url = base_of(platform, endpoint, target) + fill(endpoint.path, endpoint, percent_encode(target.account));
    char separator = '?';
    for (const auto& [name, value] : endpoint.query) {
        url += fmt::format("{}{}={}", separator, percent_encode(name),
                           percent_encode(render_value(value, platform, target, endpoint, task)));
        separator = '&';
    }
    return url;
}

HttpRequest make_request(const Platform& platform, const Target& target, const Endpoint& endpoint,
                         const std::string& name, std::string url) {
    const auto derived = target.derived_tokens.find(endpoint.token);
    const auto& token = derived == target.derived_tokens.end() ? target.access_token : derived->second;
    const auto& scheme = platform.auth.scheme;
    HttpRequest request{.url = std::move(url),
                        .secret_query = {},
                        .body = {},
                        .headers = {},
                        .name = platform.name + "." + name,
                        .version = endpoint.version};
    for (const auto& [header, value] : platform.auth.headers) {
        if (value != kClientId)
            request.headers.emplace_back(header, Secret{value});
        else if (!target.app.client_id.empty())
            request.headers.emplace_back(header, Secret{target.app.client_id});
    }
    const auto* login = platform.auth.login_of(target.attributes);
    if (!platform.auth.proof.empty() && !target.app.client_secret.empty() && (login == nullptr || login->proof))
        request.secret_query =
            Secret{fmt::format("{}={}", platform.auth.proof, keyed_hash(target.app.client_secret, token))};
    request.headers.emplace_back(platform.auth.header,
                                 Secret{scheme.empty() ? token.reveal() : scheme + " " + token.reveal()});
    return request;
}

/// Follows a link only to where the first page came from; behind a base_url also when it names the platform itself.
std::string pinned(const Platform& platform, const Endpoint& endpoint, const Target& target, const std::string& next) {
    const auto link = parse_url(next);
    const auto own = parse_url(endpoint.base_url);
    const auto base = parse_url(base_of(platform, endpoint, target));
    if (!link || !base || !own)
        throw Error(Fault::failed, fmt::format("{}: the link to the next page is no URL", platform.name));
    if (!link->same_place(*base) && !link->same_place(*own))
        throw Error(Fault::failed,
                    fmt::format("{}: the link to the next page leads away: '{}://{}:{}'", platform.name, link->scheme,
                                link->host, link->port),
                    "The token is sent only to the host of the platform file.");
    return base_of(platform, endpoint, target) + without_tokens(link->target);
}

}  // namespace

Bounds bounds(const Platform& platform, const TimeZone& zone, const Request& request, const DayRange& days) {
    Bounds result{zone.start_of(days.first), zone.end_of(days.last)};
    if (!request.stamp_bounds) return result;
    // The platform takes stamps with both ends included, so exactly one of the two midnights must be left out.
    if (platform.day.stamp_is == DayRule::StampIs::end)
        result.start += seconds{1};
    else
        result.end -= seconds{1};
    return result;
}

HttpRequest render(const Platform& platform, const Target& target, const Task& task) {
    const auto& endpoint = task.request->endpoint;
    return make_request(platform, target, endpoint, task.request->name, render_url(platform, target, endpoint, &task));
}

HttpRequest render_page(const Platform& platform, const Target& target, const Task& task, const std::string& next) {
    const auto& request = *task.request;
    auto url = request.paging.kind == Paging::Kind::link ? pinned(platform, request.endpoint, target, next)
                                                         : render_url(platform, target, request.endpoint, &task);
    if (request.paging.kind == Paging::Kind::cursor)
        url += fmt::format("{}{}={}", request.endpoint.query.empty() ? '?' : '&', percent_encode(request.paging.query),
                           percent_encode(next));
    return make_request(platform, target, request.endpoint, request.name, std::move(url));
}

Secret full_url(const HttpRequest& request) {
    if (request.secret_query.empty()) return Secret{request.url};
    const char separator = request.url.find('?') == std::string::npos ? '?' : '&';
    return Secret{request.url + separator + request.secret_query.reveal()};
}

HttpRequest render_lookup(const Platform& platform, const Target& target, const Lookup& lookup) {
    return make_request(platform, target, lookup.endpoint, lookup.name,
                        render_url(platform, target, lookup.endpoint, nullptr));
}

}  // namespace tally::platform
