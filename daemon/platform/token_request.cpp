// SPDX-License-Identifier: Apache-2.0
// Renders token requests and reads their answers.
#include "daemon/platform/token_request.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "common/ascii.hpp"
#include "common/error.hpp"
#include "common/url.hpp"
#include "daemon/platform/redact.hpp"

namespace tally::platform {

namespace {

using nlohmann::json;
using std::chrono::seconds;

/// A parameter's value, and whether it holds anything that must not be shown.
struct Filled {
    Secret value;
    bool is_secret = false;
    bool is_whole = true;  ///< no placeholder was empty
};

Filled fill(std::string_view text, const TokenValues& values) {
    struct Known {
        std::string_view name;
        const std::string& value;
        bool is_secret;
    };
    const std::array known{
        Known{"{client_id}", values.app.client_id, false},
        Known{"{redirect_uri}", values.redirect_uri, false},
        Known{"{scopes}", values.scopes, false},
        Known{"{client_secret}", values.app.client_secret.reveal(), true},
        Known{"{access_token}", values.access_token.reveal(), true},
        Known{"{refresh_token}", values.refresh_token.reveal(), true},
        Known{"{code}", values.code.reveal(), true},
        Known{"{code_verifier}", values.code_verifier.reveal(), true},
        Known{"{device_code}", values.device_code.reveal(), true},
    };
    Filled filled;
    std::string result;
    while (!text.empty()) {
        const auto found = std::find_if(known.begin(), known.end(),
                                        [&](const Known& candidate) { return text.starts_with(candidate.name); });
        if (found == known.end()) {
            result += text.front();
            text.remove_prefix(1);
            continue;
        }
        result += found->value;
        filled.is_secret |= found->is_secret;
        filled.is_whole &= !found->value.empty();
        text.remove_prefix(found->name.size());
    }
    filled.value = Secret{std::move(result)};
    return filled;
}

void append(std::string& to, std::string_view name, const Secret& value) {
    if (!to.empty()) to += '&';
    to += percent_encode(name) + '=' + percent_encode(value.reveal());
}

json read_object(std::string_view body) {
    auto document = json::parse(body, nullptr, false);
    if (!document.is_structured()) throw Error(Fault::failed, "the token endpoint's answer is no JSON");
    return document;
}

const json* find(const json& document, const std::vector<JsonPath>& paths) {
    for (const auto& path : paths) {
        if (const auto* found = path.first(document)) return found;
    }
    return nullptr;
}

std::string text_at(const json& document, const std::vector<JsonPath>& paths) {
    const auto* found = find(document, paths);
    return found == nullptr ? std::string{} : scalar_text(*found).value_or("");
}

/// Empty when there is none, and when it is none: a control character would split the header that it goes into.
Secret token_at(const json& document, const std::vector<JsonPath>& paths) {
    constexpr std::size_t kLongestToken = 8192;
    auto text = text_at(document, paths);
    const bool is_token = text.size() <= kLongestToken && std::none_of(text.begin(), text.end(), ascii::is_control);
    return is_token ? Secret{std::move(text)} : Secret{};
}

/// Seconds as a number or a text of digits; anything else is not known.
std::optional<seconds> seconds_at(const json& document, const std::vector<JsonPath>& paths) {
    const auto text = text_at(document, paths);
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    constexpr std::int64_t kLastSecond = 4'000'000'000;  // more is no Unix time
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || count < 0 || count > kLastSecond)
        return std::nullopt;
    return seconds{count};
}

/// A list of texts, or one text with blanks or commas between them.
std::optional<std::set<std::string>> scopes_at(const json& document, const std::vector<JsonPath>& paths) {
    const auto* found = find(document, paths);
    if (found == nullptr) return std::nullopt;
    std::set<std::string> scopes;
    if (found->is_array()) {
        for (const auto& item : *found) {
            if (auto text = scalar_text(item)) scopes.insert(*std::move(text));
        }
        return scopes;
    }
    if (!found->is_string()) return std::nullopt;
    const auto text = found->get<std::string>();
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find_first_of(" ,", at), text.size());
        if (end > at) scopes.insert(text.substr(at, end - at));
        at = end + 1;
    }
    return scopes;
}

/// A stretch from now on goes first, then an instant; 0 is "never", and what is not told is not known.
std::optional<Instant> expiry(const json& document, const TokenRequest& request, Instant now) {
    constexpr std::chrono::days kLongestLife{3650};  // more is another way of saying "never"
    const auto left = seconds_at(document, request.expires_in);
    if (left && left->count() > 0 && *left <= kLongestLife) return now + *left;
    const auto instant = seconds_at(document, request.expires_at);
    if (instant && instant->count() > 0) return Instant{*instant};
    return std::nullopt;
}

std::string challenge_of(const Secret& verifier) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
    const auto& text = verifier.reveal();
    crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
    constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    std::array<char, sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, kVariant)> encoded{};
    sodium_bin2base64(encoded.data(), encoded.size(), hash.data(), hash.size(), kVariant);
    return encoded.data();
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// @param plus_is_blank as in the query of a form
std::string percent_decode(std::string_view text, bool plus_is_blank = true) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            result += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            result += text[i] == '+' && plus_is_blank ? ' ' : text[i];
        }
    }
    return result;
}

std::map<std::string, std::string> parameters_of(std::string_view query) {
    std::map<std::string, std::string> result;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        const auto equals = std::min(pair.find('='), pair.size());
        result.emplace(percent_decode(pair.substr(0, equals)),
                       equals == pair.size() ? std::string{} : percent_decode(pair.substr(equals + 1)));
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return result;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const auto first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

HttpRequest render_token_request(const TokenRequest& request, std::string name, const TokenValues& values,
                                 const std::optional<std::string>& base_url) {
    HttpRequest result{.method = request.method,
                       .url = base_url.value_or(request.base_url) + request.path,
                       .secret_query = {},
                       .body = {},
                       .headers = {},
                       .name = std::move(name)};
    std::string open, hidden, form;
    for (const auto& [parameter, text] : request.query) {
        const auto filled = fill(text, values);
        if (filled.is_whole) append(filled.is_secret ? hidden : open, parameter, filled.value);
    }
    for (const auto& [parameter, text] : request.form) {
        const auto filled = fill(text, values);
        if (filled.is_whole) append(form, parameter, filled.value);
    }
    if (!open.empty()) result.url += '?' + open;
    result.secret_query = Secret{std::move(hidden)};
    if (request.method == "POST") {
        result.headers.emplace_back("Content-Type", Secret{"application/x-www-form-urlencoded"});
        result.body = Secret{std::move(form)};
    }
    if (!request.header.empty()) {
        const auto& token = values.access_token.reveal();
        result.headers.emplace_back(request.header,
                                    Secret{request.scheme.empty() ? token : request.scheme + " " + token});
    }
    return result;
}

TokenAnswer read_token_answer(const TokenRequest& request, std::string_view body, Instant now) {
    const auto document = read_object(body);
    TokenAnswer answer{.access_token = token_at(document, request.access_token),
                       .refresh_token = token_at(document, request.refresh_token),
                       .expires_at = expiry(document, request, now),
                       .scopes = scopes_at(document, request.scope)};
    if (answer.access_token.empty()) throw Error(Fault::failed, "the token endpoint's answer has no access token");
    return answer;
}

TokenState read_validation(const Login::Validation& validation, std::string_view body, Instant now) {
    const auto document = read_object(body);
    return {.expires_at = expiry(document, validation.request, now),
            .scopes = scopes_at(document, validation.request.scope)};
}

DeviceStart read_device_start(const Login::Device& device, std::string_view body) {
    const auto document = read_object(body);
    DeviceStart start{.device_code = token_at(document, device.device_code),
                      .user_code = text_at(document, device.user_code),
                      .verification_uri = text_at(document, device.verification_uri)};
    if (start.device_code.empty() || start.user_code.empty() || start.verification_uri.empty())
        throw Error(Fault::failed, "the answer to the device request has no code or no address");
    start.interval =
        std::clamp(seconds_at(document, device.interval).value_or(start.interval), seconds{1}, seconds{60});
    start.expires_in =
        std::clamp(seconds_at(document, device.expires_in).value_or(start.expires_in), seconds{30}, seconds{3600});
    return start;
}

std::string keyed_hash(const Secret& key, const Secret& message) {
    crypto_auth_hmacsha256_state state;
    std::array<unsigned char, crypto_auth_hmacsha256_BYTES> hash{};
    const auto bytes = [](const Secret& text) { return reinterpret_cast<const unsigned char*>(text.reveal().data()); };
    crypto_auth_hmacsha256_init(&state, bytes(key), key.reveal().size());
    crypto_auth_hmacsha256_update(&state, bytes(message), message.reveal().size());
    crypto_auth_hmacsha256_final(&state, hash.data());
    sodium_memzero(&state, sizeof state);
    return fmt::format("{:02x}", fmt::join(hash, ""));
}

std::string authorize_url(const Login& login, const std::string& client_id, const std::string& redirect_uri,
                          const std::vector<std::string>& scopes, const std::string& state, const Secret& verifier,
                          const std::optional<std::string>& base_url) {
    const auto& authorize = login.authorize.value();
    auto url = authorize.url;
    if (base_url) {
        const auto parsed = parse_url(url);
        url = *base_url + (parsed ? parsed->target : std::string{});
    }
    std::string query;
    const auto add = [&](std::string_view name, const std::string& value) { append(query, name, Secret{value}); };
    for (const auto& [name, value] : authorize.query) add(name, value);
    add("client_id", client_id);
    add("redirect_uri", redirect_uri);
    if (!scopes.empty()) add("scope", join_scopes(login, scopes));
    add("state", state);
    if (authorize.pkce) {
        add("code_challenge", challenge_of(verifier));
        add("code_challenge_method", "S256");
    }
    return url + '?' + query;
}

Secret code_from_redirect(std::string_view pasted, std::string_view state) {
    auto text = trimmed(pasted);
    if (text.empty()) throw Error(Fault::usage, "nothing was pasted");
    text = text.substr(0, text.find('#'));  // "#_" and "#_=_": Facebook and Instagram put it there
    const auto fail_without_code = [] {
        throw Error(Fault::usage, "there is no code in what was pasted",
                    "Paste the whole address that the browser ended at, or the value of 'code' in it.");
    };
    const auto question = text.find('?');
    const bool is_query = question != std::string_view::npos || text.starts_with("code=") || text.starts_with("state=");
    if (!is_query) {
        if (text.empty() || text.find("://") != std::string_view::npos ||
            text.find_first_of(" \t\r\n") != std::string_view::npos)
            fail_without_code();
        return Secret{percent_decode(text, false)};
    }
    const auto parameters = parameters_of(question == std::string_view::npos ? text : text.substr(question + 1));
    const auto value = [&](const std::string& name) {
        const auto found = parameters.find(name);
        return found == parameters.end() ? std::string{} : found->second;
    };
    if (const auto error = value("error"); !error.empty()) {
        const auto why = value("error_description");
        throw Error(
            Fault::usage,
            fmt::format("the login was refused: {}{}{}", redact(error, 60), why.empty() ? "" : ": ", redact(why, 200)),
            "Ask the account's owner to log in again and to allow what is asked.");
    }
    if (value("state") != state)
        throw Error(Fault::usage, "the address belongs to another login: its 'state' differs",
                    "Open the address printed last, and paste where it led.");
    if (value("code").empty()) fail_without_code();
    return Secret{value("code")};
}

std::vector<std::string> scopes_for(const Login& login, const std::vector<std::string>& requests) {
    std::vector<std::string> result;
    const auto add = [&](const std::string& key) {
        const auto found = login.scopes.find(key);
        if (found == login.scopes.end()) return;
        for (const auto& scope : found->second) {
            if (std::find(result.begin(), result.end(), scope) == result.end()) result.push_back(scope);
        }
    };
    add("*");
    for (const auto& request : requests) add(request);
    return result;
}

std::string join_scopes(const Login& login, const std::vector<std::string>& scopes) {
    return fmt::format("{}", fmt::join(scopes, login.scope_separator));
}

std::optional<Instant> next_refresh(const Login& login, std::optional<Instant> issued_at,
                                    std::optional<Instant> expires_at) {
    if (!login.refresh || !expires_at) return std::nullopt;
    auto due = *expires_at - login.refresh->before;
    // Where the margin is most of a token's life it is renewed after four fifths of it, not at once and for ever.
    if (issued_at && due < *issued_at + (*expires_at - *issued_at) / 2)
        due = *issued_at + (*expires_at - *issued_at) * 4 / 5;
    if (issued_at) due = std::max(due, *issued_at + login.refresh->min_age);
    return due;
}

bool refresh_due(const Login& login, std::optional<Instant> issued_at, std::optional<Instant> expires_at, Instant now) {
    const auto due = next_refresh(login, issued_at, expires_at);
    return due && *due <= now;
}

}  // namespace tally::platform
