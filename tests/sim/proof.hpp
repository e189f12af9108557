// SPDX-License-Identifier: Apache-2.0
// appsecret_proof: what shows graph.facebook.com that a token is used by the app it was made for.
#pragma once

#include "call.hpp"
#include "tokens.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sim {

/// The secret of the app `sim-app`, to which the static tokens belong.
inline constexpr std::string_view kStaticSecret = "sim-secret";

/// Lower-case hex of HMAC-SHA256 with the secret as key and the token as message.
std::string make_proof(std::string_view secret, std::string_view token);

/// The refusal of a wrong proof, or of a missing one if the app requires it. Dead tokens and requests of Instagram
/// Login (host graph.instagram.com, or an Instagram token asking for `me`) need none and are let pass.
std::optional<Reply> check_proof(const Call& call, const Token& token, std::string_view secret, bool required);

}  // namespace sim
