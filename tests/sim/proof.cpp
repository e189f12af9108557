// SPDX-License-Identifier: Apache-2.0
// appsecret_proof: what shows graph.facebook.com that a token is used by the app it was made for.
#include "proof.hpp"

#include "graph.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>

namespace sim {
namespace {

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

bool instagram_login(const Call& call, const Token& token) {
    if (call.request.host == "graph.instagram.com") return true;
    if (token.platform != Platform::instagram) return false;
    if (!token.login.empty()) return token.login == "instagram_login";
    const auto path = call.request.segments();
    return std::find(path.begin(), path.end(), "me") != path.end();
}

}  // namespace

std::string make_proof(std::string_view secret, std::string_view token) {
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, bytes(secret), secret.size());
    crypto_auth_hmacsha256_update(&state, bytes(token), token.size());
    std::array<unsigned char, crypto_auth_hmacsha256_BYTES> hash{};
    crypto_auth_hmacsha256_final(&state, hash.data());
    std::string hex;
    for (const auto byte : hash) hex += fmt::format("{:02x}", byte);
    return hex;
}

std::optional<Reply> check_proof(const Call& call, const Token& token, const std::string* secret, bool required) {
    if (!is_graph_path(call.request.path) || instagram_login(call, token)) return std::nullopt;
    if (!token.valid_for(Platform::facebook) && !token.valid_for(Platform::instagram)) return std::nullopt;
    const auto* proof = call.request.query.find("appsecret_proof");
    std::string_view problem;
    if (proof == nullptr) {
        if (!required) return std::nullopt;
        problem = "(#100) API calls from the server require an appsecret_proof argument";
    } else {
        const bool can_prove = secret != nullptr && !secret->empty();
        if (can_prove && *proof == make_proof(*secret, token_text(call.request, true))) return std::nullopt;
        problem = "Invalid appsecret_proof provided in the API argument";
    }
    auto reply = graph_error(call, {400, 100, 0, std::string{problem}, "GraphMethodException"});
    reply.set("facebook-api-version", graph_version(call.request));
    return reply;
}

}  // namespace sim
