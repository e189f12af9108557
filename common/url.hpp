// SPDX-License-Identifier: Apache-2.0
// The little we need of URLs: where one points to, and safe values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tally {

struct Url {
    std::string scheme;  ///< lower case
    std::string host;    ///< lower case; IPv6 in brackets
    std::string port;    ///< digits; the scheme's own when none is written
    std::string target;  ///< path and query; may be empty

    bool same_place(const Url& other) const noexcept {
        return scheme == other.scheme && host == other.host && port == other.port;
    }
    bool is_loopback() const noexcept;
    /// Whether nobody on the way can read what is sent there: https, or http to this machine.
    bool is_confidential() const noexcept { return scheme == "https" || is_loopback(); }
};

/// A loopback address, IPv6 with or without brackets, or localhost. No name but that one is taken for this machine.
bool is_loopback(std::string_view host) noexcept;

/// An absolute http(s) URL without user, fragment, blanks and control characters; nullopt otherwise.
std::optional<Url> parse_url(std::string_view text);
/// The same for a mail server: smtp or smtps.
std::optional<Url> parse_mail_url(std::string_view text);

/// One plain address: something@something, ASCII, without blanks, quotes and lists, at most 254 bytes.
bool is_mail_address(std::string_view text) noexcept;

/// Everything but letters, digits and "-._~" as %XX.
std::string percent_encode(std::string_view text);

/// Takes parameters that carry a token out of a path with a query.
std::string without_tokens(std::string_view target);

}  // namespace tally
