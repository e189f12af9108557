// SPDX-License-Identifier: Apache-2.0
// What the tests of logins share: the steps of the shipped logins and values to fill them with.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "daemon/platform/token_request.hpp"
#include "tests/daemon/platform/fixtures.hpp"

namespace tally::platform::test {

/// RFC 7636, appendix B.
inline const std::string kVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

inline const Login& login_named(std::string_view platform, std::string_view name) {
    for (const auto& login : shipped(platform).auth.logins) {
        if (login.name == name) return login;
    }
    throw std::out_of_range(std::string{name});
}

inline const TokenRequest& token_step(std::string_view platform, std::string_view name, std::string_view step) {
    const auto& login = login_named(platform, name);
    if (step == "code") return login.code.value();
    if (step == "exchange") return login.exchange.value();
    if (step == "refresh") return login.refresh.value().request;
    if (step == "device.start") return login.device.value().start;
    if (step == "device.poll") return login.device.value().poll;
    if (step == "validate") return login.validate.value().request;
    throw std::out_of_range(std::string{step});
}

/// Every token request of every shipped login, with a name such as "twitch.twitch.code".
inline void for_each_token_step(const std::function<void(const std::string&, const TokenRequest&)>& use) {
    for (const auto* name : {"facebook", "instagram", "snapchat", "snapchat_profile", "twitch", "youtube"}) {
        for (const auto& login : shipped(name).auth.logins) {
            const auto where = std::string{name} + "." + login.name + ".";
            if (login.code) use(where + "code", *login.code);
            if (login.exchange) use(where + "exchange", *login.exchange);
            if (login.refresh) use(where + "refresh", login.refresh->request);
            if (login.device) use(where + "device.start", login.device->start);
            if (login.device) use(where + "device.poll", login.device->poll);
            if (login.validate) use(where + "validate", login.validate->request);
        }
    }
}

/// Values that need encoding, so that a missing one shows.
inline TokenValues token_values() {
    return {.app = {.client_id = "app-1", .client_secret = Secret{"s3cr&t"}},
            .access_token = Secret{"acc/ess"},
            .refresh_token = Secret{"re+fresh"},
            .code = Secret{"c/1+x"},
            .code_verifier = Secret{kVerifier},
            .device_code = Secret{"dev ice"},
            .redirect_uri = "http://127.0.0.1:8765/",
            .scopes = "channel:read:subscriptions"};
}

}  // namespace tally::platform::test
