// SPDX-License-Identifier: Apache-2.0
// Faults on command: which request is hit, and what its answer is turned into.
#include "faults.hpp"

#include "graph.hpp"
#include "oauth.hpp"
#include "snapchat.hpp"
#include "twitch.hpp"
#include "youtube.hpp"

#include <array>

namespace sim {
namespace {

constexpr std::array<std::pair<std::string_view, FaultKind>, 10> kKinds{{{"status", FaultKind::status},
                                                                         {"hang", FaultKind::hang},
                                                                         {"cut", FaultKind::cut},
                                                                         {"garbage", FaultKind::garbage},
                                                                         {"html", FaultKind::html},
                                                                         {"empty", FaultKind::empty},
                                                                         {"slow", FaultKind::slow},
                                                                         {"latin1", FaultKind::latin1},
                                                                         {"rate_limit", FaultKind::rate_limit},
                                                                         {"wrong_version", FaultKind::wrong_version}}};

Reply plain(unsigned status, std::string body, std::string type) {
    Reply reply;
    reply.status = status;
    reply.body = std::move(body);
    reply.content_type = std::move(type);
    return reply;
}

/// The platform's own words for a status it was told to answer with.
Reply status_reply(const Call& call, const Origin& origin, unsigned status) {
    if (const auto route = oauth_platform(call.request)) return fail_oauth(call, *route, status);
    const bool server = status >= 500;
    switch (origin.platform.value_or(Platform::facebook)) {
        case Platform::instagram:
        case Platform::facebook:
            return server ? graph_error(call, {status, 2, 0,
                                               "An unexpected error has occurred. Please retry your request later.",
                                               "OAuthException", true})
                          : graph_error(call, {status, 100, 0, "(#100) Invalid parameter"});
        case Platform::youtube:
            return server ? google_error(status, "The service is currently unavailable.", "backendError", "global",
                                         "UNAVAILABLE")
                          : google_error(status, "Bad Request", "badRequest", "global");
        case Platform::twitch:
            return twitch_error(status, server ? "Internal server error" : "Bad request");
        case Platform::snapchat:
        case Platform::snapchat_profile:
            break;
    }
    return snapchat_error(call, status, "", server ? "Internal error" : "Bad request");
}

Reply throttle(const Call& call, const Origin& origin, int retry_after) {
    if (const auto route = oauth_platform(call.request)) return fail_oauth(call, *route, 429);
    switch (const auto platform = origin.platform.value_or(Platform::facebook)) {
        case Platform::instagram:
        case Platform::facebook:
            return graph_throttle(call, platform, origin.account, (retry_after + 59) / 60);
        case Platform::youtube:
            return youtube_throttle(call.request.path);
        case Platform::twitch:
            return twitch_throttle(call.now + std::chrono::seconds{retry_after});
        case Platform::snapchat:
        case Platform::snapchat_profile:
            break;
    }
    return snapchat_throttle(call);
}

/// A byte that is no UTF-8, inside the first human text of the body.
void spoil_text(std::string& body) {
    for (const std::string_view member : {R"("name":")", R"("title":")", R"("type":")", R"(":")"}) {
        const auto at = body.find(member);
        if (at == std::string::npos) continue;
        body.insert(at + member.size(), 1, '\xfc');
        return;
    }
}

}  // namespace

std::optional<FaultKind> parse_fault_kind(std::string_view name) {
    for (const auto& [known, kind] : kKinds)
        if (known == name) return kind;
    return std::nullopt;
}

std::uint64_t FaultBook::add(Fault fault) {
    fault.id = next_id_++;
    faults_.push_back(std::move(fault));
    return faults_.back().id;
}

bool FaultBook::remove(std::uint64_t id) {
    return faults_.remove_if([id](const Fault& fault) { return fault.id == id; }) > 0;
}

std::optional<Fault> FaultBook::strike(const Origin& origin, std::string_view target) {
    for (auto it = faults_.begin(); it != faults_.end(); ++it) {
        if (it->platform && it->platform != origin.platform) continue;
        if (!it->account.empty() && it->account != origin.account) continue;
        if (target.find(it->path) == std::string_view::npos) continue;
        if (it->probability < 1 && std::uniform_real_distribution<>{}(dice_) >= it->probability) continue;
        auto hit = *it;
        if (it->count && --*it->count == 0) faults_.erase(it);
        return hit;
    }
    return std::nullopt;
}

Reply spoil(const Call& call, const Origin& origin, const Fault& fault, Reply healthy) {
    auto reply = std::move(healthy);
    switch (fault.kind) {
        case FaultKind::status:
            reply = status_reply(call, origin, fault.status.value_or(503));
            break;
        case FaultKind::rate_limit:
            reply = throttle(call, origin, fault.retry_after.value_or(60));
            break;
        case FaultKind::hang:
            reply.delivery = Delivery::hang;
            break;
        case FaultKind::cut:
            reply.delivery = Delivery::cut;
            break;
        case FaultKind::garbage:
            reply = plain(fault.status.value_or(200), "{\"data\": [\x01\x7f<<", "application/json");
            break;
        case FaultKind::html:
            reply = plain(fault.status.value_or(200),
                          "<!DOCTYPE html><html><body><h1>Sorry, something went wrong.</h1></body></html>",
                          "text/html; charset=utf-8");
            break;
        case FaultKind::empty:
            reply = plain(fault.status.value_or(200), "", "application/json");
            break;
        case FaultKind::slow:
            reply.delivery = Delivery::slow;
            reply.slow_for = fault.slow_for;
            break;
        case FaultKind::latin1:
            spoil_text(reply.body);
            break;
        case FaultKind::wrong_version:
            reply.set("facebook-api-version", "v21.0");
            break;
        case FaultKind::answer:
            reply = fault.reply;
            break;
    }
    if (fault.retry_after) reply.set("Retry-After", std::to_string(*fault.retry_after));
    return reply;
}

}  // namespace sim
