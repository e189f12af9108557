// SPDX-License-Identifier: Apache-2.0
// All platforms behind one door: gives each request to its platform, its fault or the control interface.
#include "simulator.hpp"

#include "admin.hpp"
#include "graph.hpp"
#include "snapchat.hpp"
#include "snapchat_profile.hpp"
#include "tokens.hpp"
#include "twitch.hpp"
#include "youtube.hpp"

#include <algorithm>

namespace sim {
namespace {

Origin origin_of(const Request& request, const World& world) {
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

Reply answer_platform(const Call& call) {
    const std::string_view path{call.request.path};
    if (is_profile_path(path)) return answer_snapchat_profile(call);
    if (path.starts_with("/helix/")) return answer_twitch(call);
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
    const auto in_flight = stats_.in_flight;
    stats_ = Stats{};
    stats_.in_flight = in_flight;
}

Reply Simulator::answer(const Request& request, Moment real) {
    const auto moment = real + offset_;
    const auto now = date::floor<std::chrono::seconds>(moment);
    if (is_control_path(request.path)) return answer_admin(*this, request, now);
    const Call call{world_, request, now, ++serial_};
    const auto origin = origin_of(request, world_);
    auto passage = guard_.enter(call, origin, moment);
    auto reply = passage.refusal ? std::move(*passage.refusal) : answer_platform(call);
    guard_.mark(passage, reply);
    const auto fault = faults_.empty() ? std::nullopt : faults_.strike(origin, request.target);
    if (fault) reply = spoil(call, origin, *fault, std::move(reply));
    guard_.leave(call, passage, fault ? &*fault : nullptr, reply);
    ++stats_.requests;
    ++stats_.by_platform[origin.platform ? static_cast<std::size_t>(*origin.platform) : kPlatforms];
    ++stats_.by_status[reply.status];
    return reply;
}

}  // namespace sim
