// SPDX-License-Identifier: Apache-2.0
// Reads and checks tokens without ever quoting them.
#include "cli/token_input.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "cli/json_text.hpp"
#include "common/error.hpp"
#include "common/time.hpp"

namespace tally::cli {

namespace {

constexpr std::string_view kSpace = " \t\r\n";

[[noreturn]] void refuse(const std::string& message) {
    throw Error{
        Fault::usage, message,
        "Give the bare access token, or a JSON object with access_token, refresh_token, expires_at, attributes."};
}

std::string take_text(const Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || found->is_null()) return {};
    if (!found->is_string()) refuse(fmt::format("'{}' of the token is not a text", name));
    return found->get<std::string>();
}

TokenInput parse_object(std::string_view text) {
    const auto object = Json::parse(text, nullptr, false);
    if (!object.is_object()) refuse("the token begins like a JSON object but is none");
    for (const auto& [name, value] : object.items()) {
        if (name != "access_token" && name != "refresh_token" && name != "expires_at" && name != "attributes")
            refuse(fmt::format("the token has an unknown member '{}'", printable(name)));
    }
    TokenInput token;
    token.access_token = Secret{take_text(object, "access_token")};
    token.refresh_token = Secret{take_text(object, "refresh_token")};
    token.expires_at = take_text(object, "expires_at");
    if (token.access_token.empty()) refuse("the token has no 'access_token'");
    if (!token.expires_at.empty() && !parse_instant(token.expires_at))
        refuse("'expires_at' of the token is no RFC 3339 time");
    const auto& attributes = member(object, "attributes");
    if (!attributes.is_null() && !attributes.is_object()) refuse("'attributes' of the token is no object");
    for (const auto& [name, value] : attributes.items()) {
        if (!value.is_string()) refuse(fmt::format("the attribute '{}' of the token is not a text", printable(name)));
        token.attributes[name] = value.get<std::string>();
    }
    return token;
}

}  // namespace

TokenInput parse_token(std::string_view text) {
    const auto first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) refuse("the token is empty");
    text = text.substr(first, text.find_last_not_of(kSpace) - first + 1);
    if (text.front() == '{') return parse_object(text);
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F)
            refuse("the token contains white space or control characters");
    }
    TokenInput token;
    token.access_token = Secret{std::string{text}};
    return token;
}

std::map<std::string, std::string> read_attributes(const Arguments& arguments) {
    std::map<std::string, std::string> attributes;
    for (const auto& text : arguments.all("attribute")) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0)
            throw Error{Fault::usage, fmt::format("--attribute: not a pair: '{}'", text), "Write NAME=VALUE."};
        attributes[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return attributes;
}

TokenInput read_token(Console& console, const Arguments& arguments) {
    const auto file = arguments.find("token-file");
    if (file.has_value() == arguments.has("token-stdin"))
        throw Error{Fault::usage, "say where the token comes from", "Give one of --token-stdin and --token-file FILE."};
    auto attributes = read_attributes(arguments);
    Secret text;
    if (file) {
        std::ifstream in{*file, std::ios::binary};
        std::ostringstream content;
        if (!in || !(content << in.rdbuf()))
            throw Error{Fault::usage, fmt::format("cannot read '{}': {}", *file, std::strerror(errno))};
        text = Secret{std::move(content).str()};
    } else {
        text = console.read_secret("token");
    }
    auto token = parse_token(text.reveal());
    attributes.merge(token.attributes);  // what is there already stays
    token.attributes = std::move(attributes);
    return token;
}

Secret render_token_body(const TokenInput& token) {
    Json body{{"source", "tallyctl"}, {"attributes", token.attributes}};
    if (token.refresh_token.empty() && token.expires_at.empty()) {
        body["token"] = token.access_token.reveal();
    } else {
        body["token"] = {{"access_token", token.access_token.reveal()}};
        if (!token.refresh_token.empty()) body["token"]["refresh_token"] = token.refresh_token.reveal();
        if (!token.expires_at.empty()) body["token"]["expires_at"] = token.expires_at;
    }
    if (token.attributes.empty()) body.erase("attributes");
    try {
        return Secret{body.dump()};
    } catch (const Json::exception&) {
        refuse("the token or an attribute is not valid UTF-8");
    }
}

}  // namespace tally::cli
