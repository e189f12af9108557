// SPDX-License-Identifier: Apache-2.0
// What every request passes before and after its platform answers: rules that hold whatever is asked.
#include "guard.hpp"

#include "graph.hpp"
#include "proof.hpp"

namespace sim {

std::optional<Reply> Guard::admit(const Call& call, const Origin& origin) {
    return check_proof(call, origin.token, kStaticSecret, proof_required_);
}

void Guard::finish(const Call& call, const Fault* fault, Reply& reply) {
    const bool told_otherwise = fault != nullptr && fault->kind == FaultKind::wrong_version;
    if (!served_version_.empty() && !told_otherwise && is_graph_path(call.request.path))
        reply.set("facebook-api-version", served_version_);
}

void Guard::reset() {
    *this = Guard{};
}

}  // namespace sim
