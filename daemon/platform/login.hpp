// SPDX-License-Identifier: Apache-2.0
// How people log in to a platform and how the tokens that come of it live: the `logins` of a platform file.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/platform/error_rules.hpp"
#include "daemon/platform/json_path.hpp"

namespace tally::platform {

/// One call to a token endpoint. The values are templates, see TokenValues.
struct TokenRequest {
    std::string method = "POST";
    std::string base_url;  ///< scheme, host and port
    std::string path;
    std::vector<std::pair<std::string, std::string>> query, form;
    std::string header, scheme;  ///< how the access token goes along; an empty header: not as a header
    /// Where the answer keeps things, the first place that exists; what is nowhere is not known.
    std::vector<JsonPath> access_token, refresh_token, scope;
    std::vector<JsonPath> expires_in;  ///< seconds from now on
    std::vector<JsonPath> expires_at;  ///< Unix seconds; 0 is never
};

struct Login {
    std::string name;
    std::string base_url;  ///< where its connections ask, in place of api.base_url; empty: there
    bool proof = true;     ///< takes the platform's proof, where it has one
    /// "*": always; else by the name of the request that needs them.
    std::map<std::string, std::vector<std::string>> scopes;
    std::string scope_separator = " ";

    struct Authorize {
        std::string url;
        std::vector<std::pair<std::string, std::string>> query;  ///< beside what the flow itself says
        bool pkce = false;
    };
    std::optional<Authorize> authorize;
    std::optional<TokenRequest> code;      ///< an authorization code becomes a token
    std::optional<TokenRequest> exchange;  ///< that token becomes one that lives longer

    struct Refresh {
        TokenRequest request;
        std::chrono::milliseconds before{0};   ///< refreshed when less than this is left
        std::chrono::milliseconds min_age{0};  ///< a younger token is not refreshed
        bool needs_refresh_token = false;      ///< else the access token itself is exchanged
        bool needs_app = false;                ///< names the app: without one it cannot be asked
    };
    std::optional<Refresh> refresh;

    struct Device {
        TokenRequest start, poll;
        std::vector<JsonPath> device_code, user_code, verification_uri, interval, expires_in;
    };
    std::optional<Device> device;

    struct Validation {
        TokenRequest request;
        std::chrono::milliseconds every{0};  ///< 0: only when something needs to be known
    };
    std::optional<Validation> validate;
    std::chrono::milliseconds reverify{0};  ///< the platform wants proof of consent this often; 0: it does not
    Errors errors;                          ///< of the token endpoints
};

}  // namespace tally::platform
