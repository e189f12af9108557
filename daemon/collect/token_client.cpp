// SPDX-License-Identifier: Apache-2.0
// One request to a token endpoint after the other, with the rules of the login.
#include "daemon/collect/token_client.hpp"

#include <fmt/format.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/error.hpp"
#include "daemon/collect/transport_verdict.hpp"

namespace tally::collect {

namespace asio = boost::asio;
using asio::awaitable;
using platform::Outcome;
using platform::Verdict;

namespace {

Verdict impossible(std::string message) {
    Verdict verdict;
    verdict.outcome = Outcome::bug;
    verdict.code = "login";
    verdict.message = std::move(message);
    return verdict;
}

/// What the answer says; what it is silent about stays as it was.
Credential renewed(Credential before, platform::TokenAnswer answer, Instant at) {
    before.access_token = std::move(answer.access_token);
    if (!answer.refresh_token.empty()) before.refresh_token = std::move(answer.refresh_token);
    before.expires_at = answer.expires_at;
    before.issued_at = at;
    if (answer.scopes) before.scopes = std::move(answer.scopes);
    return before;
}

}  // namespace

Provider provider_of(const Rules& rules, std::shared_ptr<const platform::Platform> platform,
                     const std::map<std::string, std::string>& attributes) {
    const auto& settings = rules.config.platform(platform->name);
    Provider provider{.platform = platform,
                      .login = platform->auth.login_of(attributes),
                      .app = rules.app_of(platform->name, attributes),
                      .base_url = settings.base_url,
                      .timeout = rules.config.collect.timeout};
    return provider;
}

bool can_renew(const Provider& provider, const Credential& credential) {
    if (provider.login == nullptr || !provider.login->refresh) return false;
    const auto& refresh = *provider.login->refresh;
    return (!refresh.needs_refresh_token || !credential.refresh_token.empty()) &&
           (!refresh.needs_app || !provider.app.client_id.empty());
}

awaitable<TokenClient::Answer> TokenClient::ask(const Provider& provider, const platform::TokenRequest& request,
                                                const char* step, platform::TokenValues values) {
    values.app = provider.app;
    const auto http_request = platform::render_token_request(
        request, fmt::format("{}.{}", provider.platform->name, step), values, provider.base_url);
    auto task = ask_now(provider, http_request);
    co_return co_await asio::co_spawn(executor_, std::move(task),
                                      asio::bind_cancellation_slot(asio::cancellation_slot{}, asio::use_awaitable));
}

awaitable<TokenClient::Answer> TokenClient::ask_now(const Provider& provider, const platform::HttpRequest& request) {
    net::Request wire{.method = request.method,
                      .url = platform::full_url(request),
                      .headers = request.headers,
                      .body = request.body,
                      .timeout = provider.timeout,
                      .body_limit = 1U << 20U};
    auto response = co_await http_.fetch(std::move(wire));
    if (response.failure != net::Response::Failure::none) co_return Answer{transport_verdict(response), {}};
    platform::HttpAnswer answer{
        .status = response.status, .headers = std::move(response.headers), .body = std::move(response.body)};
    auto verdict = platform::classify(*provider.login, answer, now());
    co_return Answer{std::move(verdict), Secret{std::move(answer.body)}};
}

template <class T, class Read>
Told<T> TokenClient::read(Answer answer, Read read) {
    Told<T> told{.verdict = std::move(answer.verdict)};
    if (told.verdict.outcome != Outcome::ok) return told;
    try {
        told.value = read(answer.body.reveal());
    } catch (const Error& error) {
        told.verdict.outcome = Outcome::retry;
        told.verdict.code = "shape";
        told.verdict.message = describe_line(error);
    }
    return told;
}

awaitable<Told<Credential>> TokenClient::refresh(Provider provider, Credential credential) {
    if (!can_renew(provider, credential))
        co_return Told<Credential>{impossible("there is no way to renew this token without a person")};
    const auto& refresh = *provider.login->refresh;
    platform::TokenValues values;
    values.access_token = credential.access_token;
    values.refresh_token = credential.refresh_token;
    auto answer = co_await ask(provider, refresh.request, "refresh", std::move(values));
    const auto at = now();
    co_return read<Credential>(std::move(answer), [&](const std::string& body) {
        return renewed(credential, platform::read_token_answer(refresh.request, body, at), at);
    });
}

awaitable<Told<Credential>> TokenClient::redeem(Provider provider, platform::TokenValues values) {
    if (provider.login == nullptr || !provider.login->code)
        co_return Told<Credential>{impossible("the platform file knows no way to log in with a code")};
    const auto& code = *provider.login->code;
    auto answer = co_await ask(provider, code, "code", std::move(values));
    auto at = now();
    auto told = read<Credential>(std::move(answer), [&](const std::string& body) {
        return renewed({}, platform::read_token_answer(code, body, at), at);
    });
    if (!told.value || !provider.login->exchange) co_return told;
    const auto& exchange = *provider.login->exchange;
    platform::TokenValues short_lived;
    short_lived.access_token = told.value->access_token;
    auto longer = co_await ask(provider, exchange, "exchange", std::move(short_lived));
    at = now();
    co_return read<Credential>(std::move(longer), [&](const std::string& body) {
        return renewed(*told.value, platform::read_token_answer(exchange, body, at), at);
    });
}

awaitable<Told<platform::DeviceStart>> TokenClient::start_device(Provider provider, std::string scopes) {
    if (provider.login == nullptr || !provider.login->device)
        co_return Told<platform::DeviceStart>{impossible("the platform has no device flow")};
    const auto& device = *provider.login->device;
    platform::TokenValues values;
    values.scopes = std::move(scopes);
    auto answer = co_await ask(provider, device.start, "device", std::move(values));
    co_return read<platform::DeviceStart>(
        std::move(answer), [&](const std::string& body) { return platform::read_device_start(device, body); });
}

awaitable<Told<Credential>> TokenClient::poll_device(Provider provider, Secret device_code, std::string scopes) {
    if (provider.login == nullptr || !provider.login->device)
        co_return Told<Credential>{impossible("the platform has no device flow")};
    const auto& poll = provider.login->device->poll;
    platform::TokenValues values;
    values.device_code = std::move(device_code);
    values.scopes = std::move(scopes);
    auto answer = co_await ask(provider, poll, "device", std::move(values));
    const auto at = now();
    co_return read<Credential>(std::move(answer), [&](const std::string& body) {
        return renewed({}, platform::read_token_answer(poll, body, at), at);
    });
}

awaitable<Told<platform::TokenState>> TokenClient::validate(Provider provider, Secret access_token) {
    if (provider.login == nullptr || !provider.login->validate)
        co_return Told<platform::TokenState>{impossible("the platform has no way to validate a token")};
    const auto& validation = *provider.login->validate;
    platform::TokenValues values;
    values.access_token = std::move(access_token);
    auto answer = co_await ask(provider, validation.request, "validate", std::move(values));
    const auto at = now();
    co_return read<platform::TokenState>(
        std::move(answer), [&](const std::string& body) { return platform::read_validation(validation, body, at); });
}

}  // namespace tally::collect
