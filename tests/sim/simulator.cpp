// SPDX-License-Identifier: Apache-2.0
// All platforms behind one door: gives each request to its platform, its fault or the control interface.
#include "simulator.hpp"

#include "admin.hpp"
#include "grants.hpp"
#include "graph.hpp"
#include "oauth.hpp"
#include "scopes.hpp"
#include "snapchat.hpp"
#include "snapchat_profile.hpp"
#include "tokens.hpp"
#include "youtube.hpp"

#include <algorithm>

namespace sim {
namespace {

/// Of a token route the account is told by the refresh token, or by the token it is about; only Graph counts requests
/// here, for the token they were sent with.
Origin oauth_origin(const Request& request, const World& world, Platform platform) {
    Origin origin;
    origin.platform = platform;
    if (platform == Platform::facebook || platform == Platform::instagram)
        origin.token = read_token(request, world, true);
    const auto form = request.form();
    if (const auto* owner = world.grants().owner_of_refresh(form.get("refresh_token"))) {
        // Snapchat's route serves its profiles as well.
        origin.platform = owner->platform;
        origin.account = owner->account;
        return origin;
    }
    const std::string_view header{request.authorization};
    const auto bare = header.substr(header.find(' ') + 1);  // the scheme may be OAuth here
    for (const auto* name : {"access_token", "fb_exchange_token", "input_token"}) {
        const auto token = read_token_text(request.query.get(name, bare), world);
        if (token.state != TokenState::missing && token.state != TokenState::invalid) {
            // Facebook's routes serve Instagram's accounts as well.
            origin.platform = token.platform;
            origin.account = token.account;
        }
    }
    return origin;
}

Origin origin_of(const Request& request, const World& world) {
    if (const auto platform = oauth_platform(request)) return oauth_origin(request, world, *platform);
    const bool graph = is_graph_path(request.path);
    const auto token = read_token(request, world, graph);
    const bool known = token.state != TokenState::missing && token.state != TokenState::invalid;
    Origin origin;
    origin.token = token;
    if (known) origin.account = token.account;
    if (is_profile_path(request.path))
        origin.platform = Platform::snapchat_profile;
    else if (request.path.starts_with("/helix/"))
        origin.platform = Platform::twitch;
    else if (!graph)
        origin.platform = request.path.starts_with("/v1/") ? Platform::snapchat : Platform::youtube;
    else if (known && (token.platform == Platform::instagram || token.platform == Platform::facebook))
        origin.platform = token.platform;
    return origin;
}

Reply answer_platform(World& world, const Call& call, TwitchMeter& twitch) {
    if (const auto platform = oauth_platform(call.request)) return answer_oauth(world, call, *platform);
    const std::string_view path{call.request.path};
    if (path.starts_with("/helix/")) return twitch.answer(call);
    if (!is_graph_path(path))
        if (auto refusal = refuse_scopes(call, read_token(call.request, world, false))) return *std::move(refusal);
    if (is_profile_path(path)) return answer_snapchat_profile(call);
    if (path.starts_with("/v1/")) return answer_snapchat(call);
    if (path.starts_with("/v2/") || path.starts_with("/youtube/")) return answer_youtube(call);
    return answer_graph(call);
}

}  // namespace

bool is_control_path(std::string_view path) {
    return path.starts_with("/_sim/");
}

void Simulator::begin() {
    stats_.concurrent_max = std::max(stats_.concurrent_max, ++stats_.in_flight);
}

void Simulator::reset() {
    world_.reset();
    faults_.clear();
    guard_.reset();
    offset_ = first_offset_;
    twitch_.reset();
    const auto in_flight = stats_.in_flight;
    stats_ = Stats{};
    stats_.in_flight = in_flight;
}

Reply Simulator::answer(const Request& request, Moment real) {
    const auto moment = real + offset_;
    const auto now = date::floor<std::chrono::seconds>(moment);
    world_.grants().arrive(now);
    if (is_control_path(request.path)) return answer_admin(*this, request, now);
    const Call call{world_, request, now, ++serial_};
    const auto origin = origin_of(request, world_);
    auto passage = guard_.enter(call, origin, moment);
    const auto fault = faults_.empty() ? std::nullopt : faults_.strike(origin, request.target);
    Reply reply;
    if (passage.refusal)
        reply = std::move(*passage.refusal);
    else if (!fault || !fault->refuses())
        // What is refused has no effect: a refresh token is not used up by it. What is cut or never answered has.
        reply = answer_platform(world_, call, twitch_);
    guard_.mark(passage, reply);
    if (fault) reply = spoil(call, origin, *fault, std::move(reply));
    guard_.leave(call, passage, fault ? &*fault : nullptr, reply);
    ++stats_.requests;
    ++stats_.by_platform[origin.platform ? static_cast<std::size_t>(*origin.platform) : kPlatforms];
    ++stats_.by_status[reply.status];
    return reply;
}

}  // namespace sim
