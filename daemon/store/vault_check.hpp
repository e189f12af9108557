// SPDX-License-Identifier: Apache-2.0
// Whether the vault key is the one that the tokens in the database were sealed with.
#pragma once

#include "common/postgres/session.hpp"
#include "daemon/store/vault.hpp"

namespace tally::store {

/// Tries the vault on some users' keys. Raises the alert `vault_key` when it does not open them, and ends it when it
/// does. Blocks. @returns whether it opens them all
bool check_vault(postgres::Session& session, const Vault& vault);

}  // namespace tally::store
