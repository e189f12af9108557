// SPDX-License-Identifier: Apache-2.0
// Asks token endpoints over HTTP. Knows neither database nor vault.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "daemon/collect/credential.hpp"
#include "daemon/collect/rules.hpp"
#include "daemon/net/http_client.hpp"
#include "daemon/platform/classify.hpp"
#include "daemon/platform/login.hpp"
#include "daemon/platform/platform.hpp"
#include "daemon/platform/token_request.hpp"

namespace tally::collect {

/// With whom we deal when it is about tokens. Everything lives at least as long as the rules it was made from.
struct Provider {
    std::shared_ptr<const platform::Platform> platform;
    const platform::Login* login = nullptr;  ///< of `platform`; null: its tokens are only ever given
    platform::App app;
    std::optional<std::string> base_url;
    std::chrono::milliseconds timeout{30'000};
};

/// @param login chooses the way to log in by name; empty: by the attributes
/// @throws Error (config) when the attribute `app` names an app that is not configured
Provider provider_of(const Rules& rules, std::shared_ptr<const platform::Platform> platform,
                     const std::map<std::string, std::string>& attributes);

/// Whether a new access token can be had without a person.
bool can_renew(const Provider& provider, const Credential& credential);

/// A verdict of `ok` comes with what was asked for.
template <class T>
struct Told {
    platform::Verdict verdict;
    std::optional<T> value = std::nullopt;
};

/// Use from the executor's thread only. No call is abandoned half-way: an answer may hold the only copy of a token, so
/// cancellation of the caller is delivered after it; each call ends by itself with the provider's time-out.
class TokenClient {
public:
    TokenClient(boost::asio::any_io_executor executor, net::HttpClient& http)
        : executor_(std::move(executor)), http_(http) {}

    /// A fresh token for the one in hand. Needs can_renew().
    boost::asio::awaitable<Told<Credential>> refresh(Provider provider, Credential credential);
    /// The second half of the authorization code flow, with the exchange for a longer-lived token where there is one.
    boost::asio::awaitable<Told<Credential>> redeem(Provider provider, platform::TokenValues values);
    boost::asio::awaitable<Told<platform::DeviceStart>> start_device(Provider provider, std::string scopes);
    boost::asio::awaitable<Told<Credential>> poll_device(Provider provider, Secret device_code, std::string scopes);
    boost::asio::awaitable<Told<platform::TokenState>> validate(Provider provider, Secret access_token);

private:
    struct Answer {
        platform::Verdict verdict;
        Secret body;
    };
    boost::asio::awaitable<Answer> ask(const Provider& provider, const platform::TokenRequest& request,
                                       const char* step, platform::TokenValues values);
    boost::asio::awaitable<Answer> ask_now(const Provider& provider, const platform::HttpRequest& request);
    template <class T, class Read>
    static Told<T> read(Answer answer, Read read);

    boost::asio::any_io_executor executor_;
    net::HttpClient& http_;
};

}  // namespace tally::collect
