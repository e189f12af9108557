// SPDX-License-Identifier: Apache-2.0
// How people log in and how tokens are had: the OAuth routes of all platforms, and what they share.
#pragma once

#include "call.hpp"
#include "grants.hpp"

#include <chrono>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sim {

/// Whose OAuth route it is; nothing if it is none. One base URL serves all, so paths (and GET or POST) decide.
std::optional<Platform> oauth_platform(const Request& request);
/// Precondition: it is a route of that platform.
Reply answer_oauth(World& world, const Call& call, Platform platform);

/// What goes wrong before the route is reached, in the form of the platform's token endpoint: not that of its API.
Reply fail_oauth(const Call& call, Platform platform, unsigned status);

Reply answer_google_oauth(World& world, const Call& call);
Reply answer_snapchat_oauth(World& world, const Call& call);
Reply answer_twitch_oauth(World& world, const Call& call);
Reply answer_facebook_oauth(World& world, const Call& call);
Reply answer_instagram_oauth(World& world, const Call& call);

bool is_google_oauth(const Request& request);
bool is_snapchat_oauth(const Request& request);
bool is_twitch_oauth(const Request& request);
bool is_facebook_oauth(const Request& request);
bool is_instagram_oauth(const Request& request);

/// What is particular about a platform's authorize page.
struct AuthorizePage {
    std::vector<Platform> platforms;  ///< whose people may sit there; who came last does
    std::string_view login;
    std::function<bool(std::string_view)> knows_scope;
    std::string_view scope_separator = " ";
    std::string_view tail;  ///< after the redirect's query, such as `#_`
    std::chrono::seconds code_life{600};
    bool loopback = true;           ///< http://127.0.0.1 and http://localhost may be sent back to
    bool scope_required = true;     ///< the page cannot be asked for nothing
    bool scope_in_answer = false;   ///< the redirect names what was granted
    std::string_view config_scope;  ///< what `config_id` in the place of `scope` means
};

/// Sends the browser back with a code, or with the person's refusal; an error page where nobody can be sent back.
Reply answer_authorize(Grants& grants, const Call& call, const AuthorizePage& page);

Reply html_page(unsigned status, std::string_view text);

enum class ClientFault : std::uint8_t { none, missing, unknown, secret_missing, wrong_secret };
/// A public client has no secret and may not send one.
ClientFault check_client(const Grants& grants, const Query& form);
bool is_public(const Grants& grants, std::string_view client_id);

enum class CodeFault : std::uint8_t { none, missing, unknown, used, expired, redirect, verifier };
struct Redemption {
    CodeFault fault = CodeFault::none;
    Code code;  ///< meaningful if there is no fault
};
/// Uses the code up if all of `code`, `client_id`, `redirect_uri` and `code_verifier` are as they should be.
Redemption redeem(Grants& grants, const Query& form, std::initializer_list<Platform> platforms);

/// base64url of SHA-256, without padding.
std::string pkce_challenge(std::string_view verifier);

}  // namespace sim
