// SPDX-License-Identifier: Apache-2.0
// Secrets in the configuration are references; this is where they become clear text.
#pragma once

#include <string>
#include <string_view>

#include "common/secret.hpp"

namespace tally::config {

/// "credential:NAME" (a systemd credential), "file:PATH" or "env:NAME". Options that are not secret in themselves but
/// may hold a secret (database URLs, client ids) also take plain text.
struct SecretRef {
    std::string text;
    std::string option;  ///< where it stands, such as "api.cron_secret"; for messages

    bool empty() const noexcept { return text.empty(); }
    friend bool operator==(const SecretRef&, const SecretRef&) = default;
};

/// Whether the text begins like a reference.
bool is_reference(std::string_view text) noexcept;

/// The clear text, read anew at each call, without one trailing newline; plain text stands for itself, empty for empty.
/// @throws Error (config) naming the option and the reference, never the content, when it cannot be read or is empty
Secret resolve(const SecretRef& ref);

/// A connection URL or conninfo text as it may be shown: its password replaced by "***".
std::string without_password(std::string_view url);

}  // namespace tally::config
