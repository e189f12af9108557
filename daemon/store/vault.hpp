// SPDX-License-Identifier: Apache-2.0
// Seals tokens: XChaCha20-Poly1305 under a key of the user, which is sealed under the master key.
#pragma once

#include <string>
#include <string_view>

#include "common/postgres/value.hpp"
#include "common/secret.hpp"

namespace tally::store {

using postgres::Bytes;

/// Whose token it is; bound to the sealed bytes, so that a row copied to another connection does not open there.
struct Owner {
    std::string_view user_id, platform, account_id;
};

/// Immutable; any thread.
class Vault {
public:
    /// @param master 32 bytes
    explicit Vault(Secret master);

    /// 64 hexadecimal digits or the base64 of 32 bytes. @throws Error (config) that does not repeat the text
    static Secret parse_key(const Secret& text);
    /// Reads the key file or makes it (0600, atomically). @throws Error (config) when it is no key or open to others
    static Secret load_or_create_key(const std::string& path);

    /// A fresh key of a user, sealed under the master key.
    Bytes make_user_key(std::string_view user_id) const;

    Bytes seal(const Bytes& sealed_user_key, const Owner& owner, const Secret& plain) const;
    /// @throws Error (config) when the key is another one or the bytes were changed; never with content
    Secret open(const Bytes& sealed_user_key, const Owner& owner, const Bytes& sealed) const;
    /// Whether this is the master key that the user's key was sealed under.
    bool opens(const Bytes& sealed_user_key, std::string_view user_id) const;

private:
    Secret open_user_key(const Bytes& sealed_user_key, std::string_view user_id) const;
    Secret master_;
};

}  // namespace tally::store
