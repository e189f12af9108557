// SPDX-License-Identifier: Apache-2.0
// Fence, ask, keep, replace.
#include "daemon/collect/token_keeper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/error.hpp"
#include "daemon/net/async.hpp"

namespace tally::collect {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using asio::awaitable;
using platform::Outcome;

namespace {

constexpr unsigned kStoreAttempts = 15;  // a second apart; then the journal keeps the token
constexpr auto kStorePause = 1s;
constexpr auto kRecoverPause = 2s;
constexpr auto kCareRetry = 10min;  // after a failed validation or renewal
constexpr auto kRenewalFloor = 1h;  // a renewal that does not move the expiry is not repeated at once

Renewal without(Outcome outcome, std::string code, std::string message) {
    Renewal renewal;
    renewal.verdict.outcome = outcome;
    renewal.verdict.code = std::move(code);
    renewal.verdict.message = std::move(message);
    return renewal;
}

}  // namespace

std::optional<Instant> next_upkeep(const UpkeepInput& in) {
    if (in.login == nullptr) return std::nullopt;
    const auto& login = *in.login;
    using Care = UpkeepInput::Care;
    std::optional<Instant> next;
    const auto consider = [&](Instant at) { next = next ? std::min(*next, at) : at; };
    if (login.validate && login.validate->every > 0ms)
        consider(in.care == Care::done ? in.now + login.validate->every : in.planned.value_or(in.now));
    // A token that is renewed with a refresh token needs that only before it is used.
    if (login.refresh && !login.refresh->needs_refresh_token) {
        if (const auto due = platform::next_refresh(login, in.credential.issued_at, in.credential.expires_at))
            consider(std::max(*due, in.now + kRenewalFloor));
    }
    if (login.reverify > 0ms)
        consider(in.verified ? in.now + login.reverify : in.planned.value_or(in.now + login.reverify));
    if (next && in.care == Care::failed) next = std::max(*next, in.now + kCareRetry);
    return next;
}

awaitable<Renewal> TokenKeeper::renew(Provider provider, HeldCredential& held) {
    auto task = renew_held(std::move(provider), held);
    co_return co_await asio::co_spawn(parts_.executor, std::move(task),
                                      asio::bind_cancellation_slot(asio::cancellation_slot{}, asio::use_awaitable));
}

/// Journal entries are written by one coroutine at a time for each connection.
class TokenKeeper::Busy {
public:
    Busy(std::set<std::int64_t>& all, std::int64_t id) : all_(all), id_(id), first_(all.insert(id).second) {}
    ~Busy() {
        if (first_) all_.erase(id_);
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    bool first() const noexcept { return first_; }

private:
    std::set<std::int64_t>& all_;
    std::int64_t id_;
    bool first_;
};

awaitable<Renewal> TokenKeeper::renew_held(Provider provider, HeldCredential& held) {
    const Busy busy{busy_, held.connection_id};
    if (!busy.first()) co_return without(Outcome::retry, "database", "a new token is on its way to the database");
    std::optional<postgres::Bytes> stored;
    std::optional<Error> trouble;
    try {
        // An earlier renewal of this connection may still be on its way.
        if (auto pending = journal_.find(held.connection_id)) (void)co_await store(*std::move(pending));
        auto hold = [&pool = parts_.pool, id = held.connection_id, token = held.lease_token] {
            const auto session = pool.acquire();
            auto transaction = session->begin();
            const auto rows = transaction.exec("hold_credential", {id, token});
            auto found = rows.empty() ? std::nullopt : std::optional{rows[0].bytes("credential")};
            transaction.commit();
            return found;
        };
        stored = co_await net::run_blocking(parts_.threads, std::move(hold));
    } catch (const Error& error) {
        trouble = error;
    }
    if (trouble)
        co_return without(Outcome::retry, "database", "the new token could not be kept: " + describe_line(*trouble));
    if (!stored) co_return without(Outcome::retry, kLeaseLost, "another node serves the connection");
    if (*stored != held.sealed) {
        auto document =
            parts_.vault.open(held.sealed_user_key, {held.user_id, held.platform, held.account_id}, *stored);
        const auto before = held.credential.access_token.reveal();
        held.credential = Credential::read(document);
        held.sealed = *std::move(stored);
        if (held.credential.access_token.reveal() != before) co_return Renewal{held.credential.access_token, {}};
    }

    // Asked last, right before the request: the proof of the database is some moments old.
    if (!parts_.trust.holds()) co_return without(Outcome::retry, kLeaseLost, "another node may serve the connection");
    auto told = co_await parts_.client.refresh(std::move(provider), held.credential);
    if (!told.value) co_return Renewal{std::nullopt, std::move(told.verdict)};

    // Tokens that were derived from the old one may be bound to it: they are looked up again when they are refused.
    TokenJournal::Entry entry{
        .connection_id = held.connection_id,
        .before = held.sealed,
        .after = parts_.vault.seal(held.sealed_user_key, {held.user_id, held.platform, held.account_id},
                                   told.value->render()),
        .expires_at = told.value->expires_at};
    held.credential = *std::move(told.value);
    const auto after = entry.after;
    bool kept = false;
    try {
        kept = co_await store(std::move(entry));
    } catch (const Error& error) {
        parts_.log.error("a new token is neither on disk nor in the database",
                         {{"user", held.user_id}, {"platform", held.platform}, {"error", describe_line(error)}});
    }
    held.sealed = after;
    left_behind_ = left_behind_ || !kept;
    if (!kept)
        parts_.log.warning("a new token waits on disk for the database",
                           {{"user", held.user_id}, {"platform", held.platform}, {"account", held.account_id}});
    co_return Renewal{held.credential.access_token, {}};
}

/// On disk first, then in the database, then not on disk any more. False: it stays on disk. @throws Error when it could
/// not even be put there and the database is away too
awaitable<bool> TokenKeeper::store(TokenJournal::Entry entry) {
    const auto shared = std::make_shared<const TokenJournal::Entry>(std::move(entry));
    std::optional<Error> disk, trouble;
    try {
        auto write = [this, shared] {
            journal_.write(*shared);
            return true;
        };
        co_await net::run_blocking(parts_.threads, std::move(write));
    } catch (const Error& error) {
        disk = error;
    }
    for (unsigned attempt = 0; attempt < kStoreAttempts; ++attempt) {
        if (attempt > 0) {
            asio::steady_timer pause{parts_.executor, kStorePause};
            co_await pause.async_wait(asio::use_awaitable);
        }
        try {
            auto replace = [this, shared] {
                const auto session = parts_.pool.acquire();
                auto transaction = session->begin();
                transaction.exec("renew_credential",
                                 {shared->connection_id, shared->before, shared->after, shared->expires_at});
                transaction.commit();
                journal_.remove(shared->connection_id);
                return true;
            };
            co_await net::run_blocking(parts_.threads, std::move(replace));
            co_return true;
        } catch (const Error& error) {
            trouble = error;
        }
    }
    if (disk) throw *disk;
    co_return false;
}

awaitable<Told<platform::TokenState>> TokenKeeper::validate(Provider provider, HeldCredential& held) {
    auto told = co_await parts_.client.validate(provider, held.credential.access_token);
    if (told.verdict.outcome != Outcome::reauthorize || !can_renew(provider, held.credential)) co_return told;
    auto renewal = co_await renew(provider, held);
    if (!renewal.access_token) {
        told.verdict = std::move(renewal.verdict);
        co_return told;
    }
    co_return co_await parts_.client.validate(provider, held.credential.access_token);
}

awaitable<void> TokenKeeper::recover() {
    auto read = [this] { return journal_.entries(); };
    auto entries = co_await net::run_blocking(parts_.threads, std::move(read));
    left_behind_ = false;
    for (auto& entry : entries) {
        const auto id = entry.connection_id;
        const Busy busy{busy_, id};
        if (!busy.first() || !co_await store(std::move(entry))) {
            left_behind_ = true;
            continue;
        }
        parts_.log.info("stored a token that was on its way", {{"connection", std::to_string(id)}});
    }
}

awaitable<void> TokenKeeper::watch() {
    asio::steady_timer timer{parts_.executor};
    for (;;) {
        timer.expires_after(kRecoverPause);
        co_await timer.async_wait(asio::use_awaitable);
        if (!left_behind_) continue;
        try {
            co_await recover();
        } catch (const Error& error) {
            left_behind_ = true;
            parts_.log.error("cannot look for tokens on their way", {{"error", describe_line(error)}});
        }
    }
}

}  // namespace tally::collect
