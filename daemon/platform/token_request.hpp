// SPDX-License-Identifier: Apache-2.0
// Talking to token endpoints, as pure functions: what is asked, what an answer holds, what a refusal means, and the two
// ends of the authorization code flow (RFC 6749, with PKCE of RFC 7636).
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/secret.hpp"
#include "common/time.hpp"
#include "daemon/platform/platform.hpp"
#include "daemon/platform/request.hpp"
#include "daemon/platform/target.hpp"

namespace tally::platform {

/// What the placeholders of a token request stand for. A parameter with a placeholder whose value is empty is left out.
struct TokenValues {
    App app;
    Secret access_token, refresh_token, code, code_verifier, device_code;
    std::string redirect_uri;
    std::string scopes;  ///< already joined
};

/// @param base_url replaces scheme, host and port
HttpRequest render_token_request(const TokenRequest& request, std::string name, const TokenValues& values,
                                 const std::optional<std::string>& base_url);

struct TokenAnswer {
    Secret access_token;
    Secret refresh_token;               ///< empty: none came, the old one stays
    std::optional<Instant> expires_at;  ///< nullopt: not told, or never
    std::optional<std::set<std::string>> scopes;
};

/// @throws Error (failed) for an answer without a token; never quotes the answer
TokenAnswer read_token_answer(const TokenRequest& request, std::string_view body, Instant now);

struct TokenState {
    std::optional<Instant> expires_at;
    std::optional<std::set<std::string>> scopes;
};
TokenState read_validation(const Login::Validation& validation, std::string_view body, Instant now);

struct DeviceStart {
    Secret device_code;
    std::string user_code, verification_uri;
    std::chrono::seconds interval{5}, expires_in{600};
};
/// @throws Error (failed) when something is missing
DeviceStart read_device_start(const Login::Device& device, std::string_view body);

/// Lower-case hex of HMAC-SHA256.
std::string keyed_hash(const Secret& key, const Secret& message);

/// `verifier`: 43 to 128 characters of A-Z a-z 0-9 - . _ ~ ; used only where the login has PKCE.
std::string authorize_url(const Login& login, const std::string& client_id, const std::string& redirect_uri,
                          const std::vector<std::string>& scopes, const std::string& state, const Secret& verifier,
                          const std::optional<std::string>& base_url);

/// What a person pasted: the address that the browser was sent to, or the bare code.
/// @throws Error (usage) when it carries a refusal, another state, or no code
Secret code_from_redirect(std::string_view pasted, std::string_view state);

/// Those of the login for these requests, in a stable order, each once.
std::vector<std::string> scopes_for(const Login& login, const std::vector<std::string>& requests);
std::string join_scopes(const Login& login, const std::vector<std::string>& scopes);

/// Whether a new token should be got now. @param issued_at when the one in hand came, where known
bool refresh_due(const Login& login, std::optional<Instant> issued_at, std::optional<Instant> expires_at, Instant now);
/// When that will be; nullopt: never by itself.
std::optional<Instant> next_refresh(const Login& login, std::optional<Instant> issued_at,
                                    std::optional<Instant> expires_at);

}  // namespace tally::platform
