// SPDX-License-Identifier: Apache-2.0
// What every request passes before and after its platform answers: rules that hold whatever is asked.
#include "guard.hpp"

#include "grants.hpp"
#include "graph.hpp"
#include "proof.hpp"

namespace sim {
namespace {

/// The scope of a refusal where command knows better than the answer tells.
std::optional<LimitScope> scope_meant(const Passage& passage, const Fault* fault) {
    if (fault != nullptr && fault->refuses())
        return fault->account.empty() ? std::nullopt : std::optional{LimitScope::account};
    if (!passage.limits.refusing) return std::nullopt;
    return passage.limits.windows[*passage.limits.refusing].scope;
}

}  // namespace

Passage Guard::enter(const Call& call, const Origin& origin, Moment now) {
    Passage passage{caller_of(call, origin), now, {}, std::nullopt};
    violations_.arrive(call, passage.caller, now);
    if (!limits_.empty()) passage.limits = limits_.take(passage.caller, now);
    if (passage.limits.refusing)
        passage.refusal = limit_refusal(call, passage.caller, passage.limits.windows[*passage.limits.refusing], now);
    else
        passage.refusal =
            check_proof(call, origin.token, call.world.grants().secret_of(origin.token.app), proof_required_);
    return passage;
}

void Guard::mark(const Passage& passage, Reply& reply) const {
    add_limit_headers(passage.caller, passage.limits.windows, passage.now, reply);
}

void Guard::leave(const Call& call, const Passage& passage, const Fault* fault, Reply& reply) {
    const bool told_otherwise = fault != nullptr && fault->kind == FaultKind::wrong_version;
    const bool graph = is_graph_path(call.request.path) && passage.caller.dialect == Dialect::graph;
    if (!served_version_.empty() && !told_otherwise && graph) reply.set("facebook-api-version", served_version_);
    violations_.answered(call, passage.caller, reply, scope_meant(passage, fault), passage.now,
                         latency_ + reply.slow_for);
}

void Guard::reset() {
    const auto latency = latency_;
    *this = Guard{};
    latency_ = latency;
}

}  // namespace sim
