// SPDX-License-Identifier: Apache-2.0
// What a token that lacks a right is answered.
#pragma once

#include "call.hpp"
#include "tokens.hpp"

#include <optional>

namespace sim {

/// The platform's answer to a live token that was not granted what this request needs; nothing if it may go on.
/// Twitch is not asked here: Helix looks at scopes itself.
std::optional<Reply> refuse_scopes(const Call& call, const Token& token);

}  // namespace sim
