// SPDX-License-Identifier: Apache-2.0
// Helix' points: a bucket for each client and user that refills steadily, shown in every answer.
#include "twitch_meter.hpp"

#include "tokens.hpp"
#include "twitch.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sim {
namespace {

constexpr std::int64_t kPoints = 800;
constexpr std::int64_t kPart = 60;  ///< so that a second's refill is whole: 800 parts

}  // namespace

Reply TwitchMeter::answer(const Call& call) {
    const auto token = read_token(call.request, call.world, false);
    const bool known = token.state == TokenState::valid && token.platform == Platform::twitch;
    auto& bucket = buckets_[fmt::format("{}\n{}", call.request.client_id, known ? token.account : "")];
    const auto elapsed = std::max<std::int64_t>(0, (call.now - bucket.seen).count());
    bucket.missing = elapsed >= kPart ? 0 : std::max<std::int64_t>(0, bucket.missing - elapsed * kPoints);
    bucket.seen = call.now;

    const bool empty = bucket.missing + kPart > kPoints * kPart;
    if (!empty) bucket.missing += kPart;
    const auto reset = call.now + std::chrono::seconds{(bucket.missing + kPoints - 1) / kPoints};
    auto reply = empty ? twitch_throttle(reset) : answer_twitch(call);
    reply.set("Ratelimit-Limit", std::to_string(kPoints));
    reply.set("Ratelimit-Remaining", std::to_string(kPoints - (bucket.missing + kPart - 1) / kPart));
    reply.set("Ratelimit-Reset", std::to_string(reset.time_since_epoch().count()));
    return reply;
}

}  // namespace sim
