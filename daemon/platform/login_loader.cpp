// SPDX-License-Identifier: Apache-2.0
// Reads the `auth` section of a platform file: where tokens go, and the ways to log in.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>

#include "common/ascii.hpp"
#include "common/url.hpp"
#include "daemon/platform/loader_parts.hpp"

namespace tally::platform::loader {

namespace {

using Words = std::span<const std::string_view>;
using Parameters = std::vector<std::pair<std::string, std::string>>;

// What a token request can be filled with, by what it is for. {version} is filled in here.
constexpr auto kCodeWords =
    std::to_array<std::string_view>({"{client_id}", "{client_secret}", "{code}", "{redirect_uri}", "{code_verifier}"});
constexpr auto kTokenWords = std::to_array<std::string_view>({"{client_id}", "{client_secret}", "{access_token}"});
constexpr auto kRefreshWords =
    std::to_array<std::string_view>({"{client_id}", "{client_secret}", "{access_token}", "{refresh_token}"});
constexpr auto kStartWords = std::to_array<std::string_view>({"{client_id}", "{scopes}"});
constexpr auto kPollWords =
    std::to_array<std::string_view>({"{client_id}", "{client_secret}", "{device_code}", "{scopes}"});

std::string fill_version(std::string text, const YamlNode& node, const Api& api) {
    constexpr std::string_view kVersion = "{version}";
    for (auto at = text.find(kVersion); at != std::string::npos; at = text.find(kVersion, at)) {
        if (api.version.empty()) node.fail("there is no version to fill in", "Give the API a 'version'.");
        text.replace(at, kVersion.size(), api.version);
        at += api.version.size();
    }
    return text;
}

void check_words(std::string_view text, const YamlNode& node, Words known) {
    for (std::size_t at = 0; (at = text.find_first_of("{}", at)) != std::string_view::npos;) {
        const auto close = text.find('}', at);
        const auto word = close == std::string_view::npos ? text.substr(at) : text.substr(at, close - at + 1);
        if (std::find(known.begin(), known.end(), word) == known.end())
            node.fail(fmt::format("'{}' is not known here", word),
                      known.empty() ? "Only {version} can be filled in here."
                                    : fmt::format("Known are {} and {{version}}.", fmt::join(known, ", ")));
        at = close + 1;
    }
}

Parameters read_parameters(const YamlNode& node, const Api& api, Words words) {
    Parameters parameters;
    for (const auto& [name, value] : node.entries()) {
        auto text = fill_version(value.text_or_empty(), value, api);
        check_words(text, value, words);
        parameters.emplace_back(name, std::move(text));
    }
    return parameters;
}

std::vector<JsonPath> read_pointer(const YamlNode& node, std::string_view key, std::string_view otherwise) {
    return read_or(node, key, {JsonPath::parse(otherwise).value()}, read_paths);
}

bool mentions(const TokenRequest& request, std::string_view word) {
    const auto has = [&](const auto& parameter) { return parameter.second.find(word) != std::string::npos; };
    return std::any_of(request.query.begin(), request.query.end(), has) ||
           std::any_of(request.form.begin(), request.form.end(), has);
}

TokenRequest read_token_request(const YamlNode& node, const Api& api, Words words) {
    TokenRequest request;
    if (const auto method = node.find("method")) request.method = method->choice({"GET", "POST"}) == 0 ? "GET" : "POST";
    request.base_url = read_or(node, "base_url", api.base_url, read_base_url);
    const auto path = node.at("path");
    request.path = fill_version(path.text(), path, api);
    if (request.path.front() != '/' || request.path.find_first_of("?# \\") != std::string::npos)
        path.fail(fmt::format("not a path: '{}'", request.path), "Begin with '/'; parameters go to 'query'.");
    check_words(request.path, path, {});
    if (const auto query = node.find("query")) request.query = read_parameters(*query, api, words);
    if (const auto form = node.find("form")) {
        if (request.method == "GET") form->fail("a GET request has no form", "Put the parameters to 'query'.");
        request.form = read_parameters(*form, api, words);
    }
    request.header = read_or(node, "header", {}, read_header_name);
    if (const auto scheme = node.find("scheme")) {
        if (request.header.empty()) scheme->fail("there is no header for it", "Write 'header' too.");
        request.scheme = read_name(*scheme);
    }
    const auto answer = node.find("answer");
    if (answer) answer->allow({"access_token", "refresh_token", "expires_in", "expires_at", "scope"});
    const auto pointer = [&](std::string_view key, std::string_view otherwise) {
        return answer ? read_pointer(*answer, key, otherwise) : std::vector{JsonPath::parse(otherwise).value()};
    };
    request.access_token = pointer("access_token", "/access_token");
    request.refresh_token = pointer("refresh_token", "/refresh_token");
    request.expires_in = pointer("expires_in", "/expires_in");
    request.scope = pointer("scope", "/scope");
    if (answer) request.expires_at = read_or(*answer, "expires_at", {}, read_paths);
    return request;
}

std::optional<TokenRequest> read_step(const YamlNode& login, std::string_view key, const Api& api, Words words) {
    const auto node = login.find(key);
    if (!node) return std::nullopt;
    node->allow({"method", "base_url", "path", "query", "form", "header", "scheme", "answer"});
    return read_token_request(*node, api, words);
}

Login::Authorize read_authorize(const YamlNode& node, const Api& api) {
    node.allow({"url", "query", "pkce"});
    Login::Authorize authorize;
    const auto url = node.at("url");
    authorize.url = fill_version(url.text(), url, api);
    const auto parsed = parse_url(authorize.url);
    if (!parsed || parsed->target.empty() || parsed->target.find('?') != std::string::npos)
        url.fail(fmt::format("not the address of a page: '{}'", authorize.url),
                 "Write https://HOST/PATH; parameters go to 'query'.");
    if (!parsed->is_confidential()) url.fail("http is allowed to loopback only");
    if (const auto query = node.find("query")) {
        authorize.query = read_parameters(*query, api, {});
        for (const auto& [name, value] : authorize.query) {
            for (const std::string_view own :
                 {"client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"}) {
                if (name == own)
                    query->at(name).fail(fmt::format("'{}' is added by the flow itself", name), "Leave it out.");
            }
        }
    }
    authorize.pkce = read_or(node, "pkce", false, [](const YamlNode& value) { return value.boolean(); });
    return authorize;
}

Login::Refresh read_refresh(const YamlNode& node, const Api& api) {
    node.allow({"method", "base_url", "path", "query", "form", "header", "scheme", "answer", "before", "min_age"});
    Login::Refresh refresh{.request = read_token_request(node, api, kRefreshWords),
                           .before = node.at("before").duration()};
    refresh.min_age = read_or(node, "min_age", refresh.min_age, [](const YamlNode& value) { return value.duration(); });
    refresh.needs_refresh_token = mentions(refresh.request, "{refresh_token}");
    refresh.needs_app = mentions(refresh.request, "{client_id}");
    if (!refresh.needs_refresh_token && !mentions(refresh.request, "{access_token}"))
        node.fail("sends no token", "Put {refresh_token} or {access_token} into 'form' or 'query'.");
    return refresh;
}

/// What the step is for must go along, or no answer could ever be a good one.
void require_word(const std::optional<TokenRequest>& request, std::string_view word, const YamlNode& login,
                  std::string_view key) {
    if (request && !mentions(*request, word))
        login.at(key).fail(fmt::format("does not send {}", word), "Put it into 'form' or 'query'.");
}

Login::Device read_device(const YamlNode& node, const Api& api) {
    node.allow({"start", "poll"});
    const auto start = node.at("start"), poll = node.at("poll");
    start.allow({"method", "base_url", "path", "query", "form", "device_code", "user_code", "verification_uri",
                 "interval", "expires_in"});
    poll.allow({"method", "base_url", "path", "query", "form", "header", "scheme", "answer"});
    const auto asks = read_token_request(poll, api, kPollWords);
    require_word(asks, "{device_code}", node, "poll");
    return {.start = read_token_request(start, api, kStartWords),
            .poll = asks,
            .device_code = read_pointer(start, "device_code", "/device_code"),
            .user_code = read_pointer(start, "user_code", "/user_code"),
            .verification_uri = read_pointer(start, "verification_uri", "/verification_uri"),
            .interval = read_pointer(start, "interval", "/interval"),
            .expires_in = read_pointer(start, "expires_in", "/expires_in")};
}

Login::Validation read_validation(const YamlNode& node, const Api& api) {
    node.allow({"method", "base_url", "path", "query", "form", "header", "scheme", "answer", "every"});
    Login::Validation validation{.request = read_token_request(node, api, kTokenWords)};
    if (const auto every = node.find("every")) {
        validation.every = every->duration();
        if (validation.every < std::chrono::minutes{10}) every->fail("shorter than 10 minutes");
    }
    if (validation.request.header.empty() && !mentions(validation.request, "{access_token}"))
        node.fail("sends no token", "Write 'header', or put {access_token} into 'query'.");
    return validation;
}

/// RFC 6749, section 5.2: what token endpoints say when the file says nothing else.
Errors standard_errors() {
    const auto path = [](std::string_view text) { return JsonPath::parse(text).value(); };
    const auto rule = [](std::vector<std::string> codes, Outcome outcome, std::chrono::seconds wait = {}) {
        ErrorRule result;
        result.code.texts = std::move(codes);
        result.outcome = outcome;
        result.wait.at_least = wait;
        return result;
    };
    Errors errors;
    errors.code = {path("/error")};
    errors.message = {path("/error_description"), path("/error")};
    errors.rules = {rule({"invalid_grant", "invalid_token", "expired_token", "access_denied"}, Outcome::reauthorize),
                    rule({"temporarily_unavailable", "server_error"}, Outcome::retry),
                    rule({"authorization_pending", "slow_down"}, Outcome::wait, std::chrono::seconds{5}),
                    rule({"invalid_client", "unauthorized_client", "invalid_request", "unsupported_grant_type",
                          "invalid_scope", "redirect_uri_mismatch"},
                         Outcome::bug)};
    return errors;
}

Login read_login(const std::string& name, const YamlNode& node, const Api& api) {
    node.allow({"base_url", "proof", "scopes", "scope_separator", "authorize", "code", "exchange", "refresh", "device",
                "validate", "reverify", "errors"});
    check_name(name, node);
    Login login;
    login.name = name;
    login.base_url = read_or(node, "base_url", {}, read_base_url);
    login.proof = read_or(node, "proof", true, [](const YamlNode& value) { return value.boolean(); });
    if (const auto scopes = node.find("scopes")) {
        for (const auto& [key, list] : scopes->entries()) {
            auto texts = list.texts();
            for (const auto& scope : texts) {
                if (scope.find_first_of(" ,") != std::string::npos)
                    list.fail(fmt::format("not one scope: '{}'", scope), "Write a list: [first, second].");
            }
            login.scopes.emplace(key, std::move(texts));
        }
    }
    if (const auto separator = node.find("scope_separator")) {
        login.scope_separator = separator->text_or_empty();
        if (login.scope_separator != " " && login.scope_separator != ",") separator->fail("must be \" \" or \",\"");
    }
    if (const auto authorize = node.find("authorize")) login.authorize = read_authorize(*authorize, api);
    login.code = read_step(node, "code", api, kCodeWords);
    require_word(login.code, "{code}", node, "code");
    login.exchange = read_step(node, "exchange", api, kTokenWords);
    require_word(login.exchange, "{access_token}", node, "exchange");
    if (const auto refresh = node.find("refresh")) login.refresh = read_refresh(*refresh, api);
    if (const auto device = node.find("device")) login.device = read_device(*device, api);
    if (const auto validate = node.find("validate")) login.validate = read_validation(*validate, api);
    if (const auto reverify = node.find("reverify")) {
        login.reverify = reverify->duration();
        if (login.reverify < std::chrono::days{1}) reverify->fail("shorter than a day");
        if (!login.refresh && !login.validate)
            reverify->fail("there is nothing to verify with", "Write 'refresh' or 'validate'.");
    }
    if (login.authorize.has_value() != login.code.has_value())
        node.fail("'authorize' and 'code' belong together", "Write both, or none of them.");
    if (login.authorize && login.authorize->pkce != mentions(*login.code, "{code_verifier}"))
        node.at("code").fail("'pkce' and {code_verifier} belong together",
                             "Write pkce: true, and the verifier among the parameters of 'code'.");
    if (login.exchange && !login.code) node.at("exchange").fail("there is no 'code' before it");
    login.errors = read_or(node, "errors", standard_errors(), read_errors);
    return login;
}

}  // namespace

Auth read_auth(const YamlNode& node, const Api& api) {
    node.allow({"header", "scheme", "headers", "proof", "logins"});
    Auth auth;
    auth.header = read_or(node, "header", auth.header, read_header_name);
    if (const auto scheme = node.find("scheme")) {
        auth.scheme = scheme->text_or_empty();
        if (!auth.scheme.empty()) check_name(auth.scheme, *scheme);
    }
    if (const auto headers = node.find("headers")) {
        for (const auto& [name, value] : headers->entries()) {
            check_header_name(name, value);
            if (ascii::lower(name) == ascii::lower(auth.header))
                value.fail("the token goes there", "Leave it out, or name another 'header'.");
            auto text = value.text();
            if (std::any_of(text.begin(), text.end(), ascii::is_control)) value.fail("must be one line");
            if (text != "{client_id}") check_words(text, value, {});
            auth.headers.emplace_back(name, std::move(text));
        }
    }
    auth.proof = read_or(node, "proof", {}, read_name);
    if (const auto logins = node.find("logins")) {
        for (const auto& [name, login] : logins->entries()) {
            auth.logins.push_back(read_login(name, login, api));
            if (auth.proof.empty() && login.find("proof"))
                login.at("proof").fail("there is no proof to take or leave", "Name its parameter as 'auth.proof'.");
        }
    }
    return auth;
}

void check_logins(const YamlNode& node, const Platform& platform) {
    const auto logins = node.find("logins");
    if (!logins) return;
    for (const auto& [name, login] : logins->entries()) {
        const auto scopes = login.find("scopes");
        if (!scopes) continue;
        for (const auto& [request, list] : scopes->entries()) {
            if (request != "*" && platform.find_request(request) == nullptr)
                list.fail(fmt::format("there is no request '{}'", request),
                          "Name a request, or write \"*\" for what is always asked for.");
        }
    }
}

}  // namespace tally::platform::loader
