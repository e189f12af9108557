// SPDX-License-Identifier: Apache-2.0
// Told once, at the start: otherwise every run would fail by itself and none would say why.
#include "daemon/store/vault_check.hpp"

namespace tally::store {

namespace {

constexpr int kTried = 100;  // a wrong key opens none of them
constexpr const char* kKind = "vault_key";
constexpr const char* kSubject = "tokens";

}  // namespace

bool check_vault(postgres::Session& session, const Vault& vault) {
    auto transaction = session.begin();
    bool good = true;
    for (const auto& row : transaction.exec("some_user_keys", {kTried}))
        good = good && vault.opens(row.bytes("sealed_key"), row.text("user_id"));
    if (good)
        transaction.exec("resolve_alert", {kKind, kSubject});
    else
        transaction.exec("raise_alert", {kKind, kSubject,
                                         "the vault key does not open the tokens in the database: restore it from its "
                                         "backup, see tally(7), BACKUP AND RESTORE"});
    transaction.commit();
    return good;
}

}  // namespace tally::store
