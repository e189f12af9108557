// SPDX-License-Identifier: Apache-2.0
// appsecret_proof: what shows graph.facebook.com that a token is used by the app it was made for.
#pragma once

#include "call.hpp"
#include "tokens.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sim {

/// Lower-case hex of HMAC-SHA256 with the secret as key and the token as message.
std::string make_proof(std::string_view secret, std::string_view token);

/// The refusal of a wrong proof, or of a missing one if the app requires it. Dead tokens and requests of Instagram
/// Login (host graph.instagram.com, its tokens, or a named Instagram token asking for `me`) need none and are let pass.
/// `secret` is that of the token's app; null or empty if it has none: then no proof is right.
std::optional<Reply> check_proof(const Call& call, const Token& token, const std::string* secret, bool required);

}  // namespace sim
