// SPDX-License-Identifier: Apache-2.0
// Keeps the tokens of leased connections alive: renews, validates, stores. The lease makes it single-flight over all
// nodes: whoever renews a token serves the connection.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <set>
#include <string>

#include "common/postgres/pool.hpp"
#include "daemon/collect/collector.hpp"
#include "daemon/collect/credential.hpp"
#include "daemon/collect/token_client.hpp"
#include "daemon/collect/token_journal.hpp"
#include "daemon/lease/lease.hpp"
#include "daemon/lease/trust.hpp"
#include "daemon/service/log.hpp"
#include "daemon/store/vault.hpp"

namespace tally::collect {

/// A connection's credential while its lease is ours; `sealed` and `credential` follow what is stored.
struct HeldCredential {
    std::int64_t connection_id = 0, lease_token = 0;
    std::string user_id, platform, account_id;
    postgres::Bytes sealed_user_key, sealed;
    Credential credential;
};

/// Use from the executor's thread only.
class TokenKeeper {
public:
    struct Parts {
        boost::asio::any_io_executor executor;
        boost::asio::thread_pool& threads;
        postgres::Pool& pool;
        TokenClient& client;
        const store::Vault& vault;
        const lease::Trust& trust;
        service::Log& log;
    };
    /// @param journal_directory is made when it is missing. @throws Error (failed)
    TokenKeeper(Parts parts, std::string journal_directory)
        : parts_(std::move(parts)), journal_(std::move(journal_directory)) {}

    /// A working token for one that is refused or about to end. In this order, so that a crash anywhere loses nothing:
    /// the lease is proven, which proves that the database answers; the platform is asked; the new credential is sealed
    /// and synced to disk; it replaces the old one in the database; only then is it used. Where somebody gave a new
    /// token meanwhile, that one is taken instead. Not to be cancelled.
    boost::asio::awaitable<Renewal> renew(Provider provider, HeldCredential& held);

    /// What the platform says of the token; where it is dead, it is renewed once.
    boost::asio::awaitable<Told<platform::TokenState>> validate(Provider provider, HeldCredential& held);

    /// Brings to the database what could not be stored: by an earlier life of this node, or while the database was
    /// away. Connections whose token is being renewed are passed over. @throws Error
    boost::asio::awaitable<void> recover();
    /// Does so again and again while something is left, until cancelled: another node may serve the connection next,
    /// and would use a refresh token that is spent.
    boost::asio::awaitable<void> watch();

private:
    class Busy;
    boost::asio::awaitable<Renewal> renew_held(Provider provider, HeldCredential& held);
    boost::asio::awaitable<bool> store(TokenJournal::Entry entry);

    Parts parts_;
    TokenJournal journal_;
    std::set<std::int64_t> busy_;  // connections whose journal entry is being written or stored
    bool left_behind_ = false;     // something stayed on disk
};

/// When the token wants care next, and why. Pure.
struct UpkeepInput {
    const platform::Login* login;
    const Credential& credential;
    std::optional<Instant> planned;  ///< the care that was due or is to come
    bool verified = false;           ///< the platform accepted the token just now
    enum class Care { not_due, done, failed } care = Care::not_due;
    Instant now;
};
std::optional<Instant> next_upkeep(const UpkeepInput& input);

}  // namespace tally::collect
