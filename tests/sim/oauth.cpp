// SPDX-License-Identifier: Apache-2.0
// What the OAuth routes of all platforms share: the authorize page, applications, codes.
#include "oauth.hpp"

#include "graph.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>

namespace sim {
namespace {

bool good_redirect(std::string_view uri, bool loopback) {
    if (uri.find('#') != std::string_view::npos) return false;
    if (uri.starts_with("https://")) return uri.size() > 8;
    return loopback && (uri.starts_with("http://127.0.0.1") || uri.starts_with("http://localhost"));
}

Reply send_back(const Call& call, const AuthorizePage& page, Query answer) {
    const auto& query = call.request.query;
    if (const auto* state = query.find("state")) answer.add("state", *state);
    const std::string target{query.get("redirect_uri")};
    Reply reply;
    reply.status = 302;
    reply.content_type = "text/html; charset=UTF-8";
    reply.set("Location", fmt::format("{}{}{}{}", target, target.find('?') == std::string::npos ? '?' : '&',
                                      answer.render(), page.tail));
    return reply;
}

Reply send_error(const Call& call, const AuthorizePage& page, std::string error, std::string description) {
    Query answer;
    answer.add("error", std::move(error));
    answer.add("error_description", std::move(description));
    return send_back(call, page, std::move(answer));
}

}  // namespace

std::optional<Platform> oauth_platform(const Request& request) {
    if (is_google_oauth(request)) return Platform::youtube;
    if (is_snapchat_oauth(request)) return Platform::snapchat;
    if (is_twitch_oauth(request)) return Platform::twitch;
    if (is_instagram_oauth(request)) return Platform::instagram;
    if (is_facebook_oauth(request)) return Platform::facebook;
    return std::nullopt;
}

Reply answer_oauth(World& world, const Call& call, Platform platform) {
    switch (platform) {
        case Platform::youtube:
            return answer_google_oauth(world, call);
        case Platform::snapchat:
            return answer_snapchat_oauth(world, call);
        case Platform::twitch:
            return answer_twitch_oauth(world, call);
        case Platform::instagram:
            return answer_instagram_oauth(world, call);
        default:
            return answer_facebook_oauth(world, call);
    }
}

Reply fail_oauth(const Call& call, Platform platform, unsigned status) {
    const bool server = status >= 500;
    const bool busy = status == 429;
    const std::string_view text = server ? "Internal error" : busy ? "Too many requests" : "Bad request";
    switch (platform) {
        case Platform::youtube:
        case Platform::snapchat:
        case Platform::snapchat_profile: {
            const auto* error = server ? "internal_failure" : busy ? "rate_limit_exceeded" : "invalid_request";
            return json_reply(status, Json{{"error", error}, {"error_description", text}});
        }
        case Platform::twitch:
            return json_reply(status, Json{{"status", status}, {"message", text}});
        case Platform::instagram:
            if (call.request.path == "/oauth/access_token")
                return json_reply(status,
                                  Json{{"error_type", "OAuthException"}, {"code", status}, {"error_message", text}});
            break;
        case Platform::facebook:
            break;
    }
    if (server)
        return graph_error(call, {status, 2, 0, "An unexpected error has occurred. Please retry your request later.",
                                  "OAuthException", true});
    if (busy) return graph_error(call, {403, 4, 0, "(#4) Application request limit reached", "OAuthException", true});
    return graph_error(call, {status, 100, 0, "(#100) Invalid parameter"});
}

Reply html_page(unsigned status, std::string_view text) {
    Reply reply;
    reply.status = status;
    reply.content_type = "text/html; charset=UTF-8";
    reply.body = fmt::format("<!DOCTYPE html><html><body><p>{}</p></body></html>", text);
    return reply;
}

Reply answer_authorize(Grants& grants, const Call& call, const AuthorizePage& page) {
    const auto& query = call.request.query;
    if (call.request.method != "GET") return html_page(405, "Method not allowed");
    const std::string client{query.get("client_id")};
    if (grants.secret_of(client) == nullptr) return html_page(400, "invalid_client: the application is not known");
    const std::string redirect{query.get("redirect_uri")};
    if (!good_redirect(redirect, page.loopback)) return html_page(400, "redirect_uri_mismatch");
    if (!query.is("response_type", "code"))
        return send_error(call, page, "unsupported_response_type", "response_type must be code");

    const bool configured = query.find("scope") == nullptr && !query.get("config_id").empty();
    const auto asked = split_scopes(configured ? page.config_scope : query.get("scope"));
    for (const auto& scope : asked)
        if (!page.knows_scope(scope)) return send_error(call, page, "invalid_scope", "Invalid scope: " + scope);
    if (asked.empty() && page.scope_required) return send_error(call, page, "invalid_request", "scope is missing");

    Platform platform{};
    const Person* person = nullptr;
    for (const auto candidate : page.platforms) {
        const auto* sits = grants.person(candidate);
        if (sits == nullptr || (person != nullptr && person->since > sits->since)) continue;
        person = sits;
        platform = candidate;
    }
    if (person == nullptr) return html_page(200, "Log in");

    Code code;
    for (const auto& scope : asked)
        if (!person->ticked || contains(*person->ticked, scope)) code.scopes.push_back(scope);
    if (code.scopes.empty() && !asked.empty())
        return send_error(call, page, "access_denied", "The user denied the request");
    code.platform = platform;
    code.account = person->account;
    code.app = client;
    code.redirect_uri = redirect;
    code.login = page.login;
    code.challenge = query.get("code_challenge");
    code.hashed = query.is("code_challenge_method", "S256");
    code.expires = call.now + page.code_life;
    // Google: whoever has consented before gets a refresh token only when asked to consent again.
    if (platform == Platform::youtube)
        code.refreshable = query.is("access_type", "offline") &&
                           (query.is("prompt", "consent") || !grants.has_grant(platform, code.account, client));
    Query answer;
    const auto scopes = code.scopes;
    answer.add("code", grants.add_code(std::move(code)));
    if (page.scope_in_answer) answer.add("scope", join_scopes(scopes, page.scope_separator));
    return send_back(call, page, std::move(answer));
}

ClientFault check_client(const Grants& grants, const Query& form) {
    const auto client = form.get("client_id");
    if (client.empty()) return ClientFault::missing;
    const auto* secret = grants.secret_of(client);
    if (secret == nullptr) return ClientFault::unknown;
    const auto sent = form.get("client_secret");
    if (sent.empty() && !secret->empty()) return ClientFault::secret_missing;
    return sent == *secret ? ClientFault::none : ClientFault::wrong_secret;
}

bool is_public(const Grants& grants, std::string_view client_id) {
    const auto* secret = grants.secret_of(client_id);
    return secret != nullptr && secret->empty();
}

Redemption redeem(Grants& grants, const Query& form, std::initializer_list<Platform> platforms) {
    // Facebook's tail and Instagram's are not part of the code; who leaves them on has no code.
    if (form.get("code").empty()) return {CodeFault::missing, {}};
    auto* code = grants.find_code(form.get("code"));
    if (code == nullptr || code->app != form.get("client_id") ||
        std::find(platforms.begin(), platforms.end(), code->platform) == platforms.end())
        return {CodeFault::unknown, {}};
    if (code->used) return {CodeFault::used, {}};
    if (code->expires <= grants.now()) return {CodeFault::expired, {}};
    if (code->redirect_uri != form.get("redirect_uri")) return {CodeFault::redirect, {}};
    if (!code->challenge.empty()) {
        const auto verifier = form.get("code_verifier");
        if (verifier.empty() || (code->hashed ? pkce_challenge(verifier) : std::string{verifier}) != code->challenge)
            return {CodeFault::verifier, {}};
    }
    code->used = true;
    return {CodeFault::none, *code};
}

std::string pkce_challenge(std::string_view verifier) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
    crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(verifier.data()), verifier.size());
    std::array<char, sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)>
        text{};
    sodium_bin2base64(text.data(), text.size(), hash.data(), hash.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return text.data();
}

}  // namespace sim
