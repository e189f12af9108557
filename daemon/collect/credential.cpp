// SPDX-License-Identifier: Apache-2.0
// Text forms of a credential.
#include "daemon/collect/credential.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/error.hpp"

namespace tally::collect {

namespace {

constexpr std::size_t kMaxTokenBytes = 8'192;

Secret token_of(const nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || found->is_null()) return {};
    if (!found->is_string()) throw Error(Fault::usage, fmt::format("'{}' of the token is no text", name));
    return Secret{found->get<std::string>()};
}

/// A token goes into a header line: what could end that line, or is no ASCII, is no token.
void check_token(const Secret& token, const char* name) {
    const auto& text = token.reveal();
    if (text.size() > kMaxTokenBytes)
        throw Error(Fault::usage, fmt::format("the {} is longer than {} bytes", name, kMaxTokenBytes));
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }))
        throw Error(Fault::usage, fmt::format("the {} has blanks or characters that no token has", name),
                    "Give the token alone, or a JSON object with access_token.");
}

}  // namespace

Credential Credential::parse(const std::string& text, std::map<std::string, std::string>& attributes) {
    const auto last = text.find_last_not_of(" \t\r\n");
    const auto first = text.find_first_not_of(" \t\r\n");
    if (last == std::string::npos)
        throw Error(Fault::usage, "the token is empty", "Give the token alone, or a JSON object with access_token.");
    Credential credential;
    if (text[first] != '{') {
        credential.access_token = Secret{text.substr(first, last - first + 1)};
    } else {
        const auto object = nlohmann::json::parse(text, nullptr, false);
        if (!object.is_object()) throw Error(Fault::usage, "the token is no valid JSON object");
        for (const auto& [name, value] : object.items()) {
            if (name != "access_token" && name != "refresh_token" && name != "expires_at" && name != "attributes")
                throw Error(Fault::usage, fmt::format("unknown member '{}' of the token", name),
                            "Known: access_token, refresh_token, expires_at, attributes.");
        }
        credential.access_token = token_of(object, "access_token");
        credential.refresh_token = token_of(object, "refresh_token");
        if (const auto expires = object.find("expires_at"); expires != object.end() && !expires->is_null()) {
            credential.expires_at = expires->is_string() ? parse_instant(expires->get<std::string>()) : std::nullopt;
            if (!credential.expires_at)
                throw Error(Fault::usage, "'expires_at' of the token is no RFC 3339 time",
                            "Write 2026-12-31T23:59:59Z.");
        }
        if (const auto more = object.find("attributes"); more != object.end()) {
            if (!more->is_object()) throw Error(Fault::usage, "'attributes' of the token is no JSON object");
            for (const auto& [name, value] : more->items()) {
                if (!value.is_string()) throw Error(Fault::usage, fmt::format("attribute '{}' is no text", name));
                attributes[name] = value.get<std::string>();
            }
        }
        if (credential.access_token.empty()) throw Error(Fault::usage, "the token has no 'access_token'");
    }
    check_token(credential.access_token, "access token");
    check_token(credential.refresh_token, "refresh token");
    return credential;
}

Secret Credential::render() const {
    nlohmann::json object{{"access_token", access_token.reveal()}};
    if (!refresh_token.empty()) object["refresh_token"] = refresh_token.reveal();
    if (expires_at) object["expires_at"] = render_instant(*expires_at);
    if (issued_at) object["issued_at"] = render_instant(*issued_at);
    if (scopes) object["scopes"] = *scopes;
    for (const auto& [name, token] : derived) object["derived"][name] = token.reveal();
    return Secret{object.dump()};
}

Credential Credential::read(const Secret& document) {
    const auto object = nlohmann::json::parse(document.reveal(), nullptr, false);
    if (!object.is_object() || !object.contains("access_token"))
        throw Error(Fault::internal, "a sealed credential has an unknown form");
    Credential credential;
    credential.access_token = token_of(object, "access_token");
    credential.refresh_token = token_of(object, "refresh_token");
    if (const auto expires = object.find("expires_at"); expires != object.end())
        credential.expires_at = parse_instant(expires->get<std::string>());
    if (const auto issued = object.find("issued_at"); issued != object.end())
        credential.issued_at = parse_instant(issued->get<std::string>());
    if (const auto scopes = object.find("scopes"); scopes != object.end())
        credential.scopes = scopes->get<std::set<std::string>>();
    if (const auto derived = object.find("derived"); derived != object.end())
        for (const auto& [name, value] : derived->items()) credential.derived[name] = Secret{value.get<std::string>()};
    return credential;
}

}  // namespace tally::collect
