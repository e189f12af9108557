// SPDX-License-Identifier: Apache-2.0
// The loop of deliveries.
#include "daemon/alert/courier.hpp"

#include <fmt/format.h>

#include "common/error.hpp"
#include "daemon/alert/channel.hpp"
#include "daemon/schedule/retry.hpp"

namespace tally::alert {

using namespace std::chrono_literals;
using boost::asio::awaitable;

namespace {

constexpr auto kPoll = 5'000ms;
constexpr unsigned kAtOnce = 4;
/// Longer than all that were claimed at once may take.
constexpr auto kHold = kAtOnce * kDeliveryLimit + 30s;
constexpr unsigned kAttempts = 12;  // over about five hours
constexpr auto kRetryFloor = 10s, kRetryBase = 30s, kRetryCeiling = 3'600s;
/// A database that is restarted is no trouble yet.
constexpr auto kOutage = 60s;

struct Attempt {
    std::string error;     ///< its words; empty: there was none
    bool refused = false;  ///< the other side will not take it
};

/// What a thread of its own found.
template <class Work>
Attempt attempt(Work work) {
    try {
        work();
        return {};
    } catch (const std::exception& error) {
        return {.error = describe_line(error), .refused = fault_of(error) == Fault::denied};
    }
}

std::string id_of(const Delivery& delivery) {
    return fmt::format("tally-{}", delivery.id);
}

/// What the log says of a delivery.
struct Told {
    std::string_view what;
    service::Field first, second;
};

Told told_of(const Delivery& delivery) {
    if (!delivery.report) return {"alert", {"channel", delivery.channel}, {"title", delivery.message.notice.title}};
    return {"report", {"user", delivery.report->user_id}, {"week", render_day(delivery.report->monday)}};
}

}  // namespace

Courier::Courier(Parts parts, std::uint64_t seed) : parts_(std::move(parts)), wake_(parts_.executor), random_(seed) {}

awaitable<void> Courier::watch() {
    for (;;) {
        bool more = false;
        co_await tell_of_database();
        try {
            more = co_await deliver_some();
        } catch (const Error&) {  // the claims tell of a database that is away
        }
        if (!more) co_await wake_.wait_for(kPoll);
    }
}

/// False when nothing was to be delivered. What is wrong is told before the next report, of which there may be many.
awaitable<bool> Courier::deliver_some() {
    auto ask = [&pool = parts_.pool] {
        const auto session = pool.acquire();
        Outbox outbox{*session};
        const auto hold = std::chrono::duration_cast<std::chrono::seconds>(kHold);
        auto messages = outbox.claim(Outbox::What::messages, kAtOnce, hold);
        return messages.empty() ? outbox.claim(Outbox::What::reports, 1, hold) : messages;
    };
    const auto deliveries = co_await net::run_blocking(parts_.threads, std::move(ask));
    const auto config = parts_.config();
    for (const auto& delivery : deliveries) co_await deliver_one(config, delivery);
    co_return !deliveries.empty();
}

awaitable<Courier::Outcome> Courier::send_message(const config::Config& config, const Delivery& delivery) {
    Outcome outcome;
    const auto channel = config.alerts.channels.find(delivery.channel);
    if (channel == config.alerts.channels.end()) {
        outcome = {.error = "the configuration has no such channel any more", .hopeless = true};
        co_return outcome;
    }
    auto work = [message = delivery.message, to = channel->second, smtp = config.smtp, id = id_of(delivery)] {
        return attempt([&] { deliver(message, to, smtp, id); });
    };
    auto tried = co_await net::run_blocking(thread_, std::move(work));
    outcome.error = std::move(tried.error);
    co_return outcome;
}

/// What it says is looked up by one of the database's threads, what is slow about it is sent by our own.
awaitable<Courier::Outcome> Courier::send_report(const config::Config& config, const Delivery& delivery) {
    struct Prepared {
        std::optional<Posting> posting;
        Attempt attempt;
    };
    auto prepare = [&pool = parts_.pool, make = parts_.report_mail(*delivery.report)] {
        Prepared prepared;
        prepared.attempt = attempt([&] {
            const auto session = pool.acquire();
            prepared.posting = make(*session);
        });
        return prepared;
    };
    auto prepared = co_await net::run_blocking(parts_.threads, std::move(prepare));
    Outcome outcome;
    outcome.error = std::move(prepared.attempt.error);
    outcome.unwanted = outcome.error.empty() && !prepared.posting;
    if (!prepared.posting) co_return outcome;
    auto work = [posting = *std::move(prepared.posting), smtp = config.smtp, id = id_of(delivery)] {
        return attempt([&] { send_mail(posting.letter, posting.to, smtp, id); });
    };
    auto tried = co_await net::run_blocking(thread_, std::move(work));
    outcome.error = std::move(tried.error);
    outcome.hopeless = tried.refused;
    co_return outcome;
}

awaitable<void> Courier::deliver_one(const config::Config& config, const Delivery& delivery) {
    Outcome outcome;  // GCC 12 destroys twice what `?:` takes from a co_await
    if (delivery.report)
        outcome = co_await send_report(config, delivery);
    else
        outcome = co_await send_message(config, delivery);
    const auto& error = outcome.error;
    std::optional<std::chrono::milliseconds> again;
    if (!error.empty() && !outcome.hopeless && delivery.attempt < kAttempts)
        again = schedule::retry_delay(
            {.attempt = delivery.attempt, .base = kRetryBase, .ceiling = kRetryCeiling, .floor = kRetryFloor}, random_);
    auto write = [&pool = parts_.pool, delivery, failure = error, again, unwanted = outcome.unwanted] {
        const auto session = pool.acquire();
        Outbox outbox{*session};
        if (unwanted)
            outbox.drop(delivery);
        else if (failure.empty())
            outbox.sent(delivery);
        else
            outbox.failed(delivery, failure, again);
        return true;
    };
    const auto told = told_of(delivery);
    if (error.empty() && !outcome.unwanted)
        parts_.log.info(fmt::format("{} delivered", told.what), {told.first, told.second});
    else if (!error.empty())
        parts_.log.warning(fmt::format("{} not delivered, {}", told.what, again ? "trying again" : "given up"),
                           {told.first, told.second, {"attempt", std::to_string(delivery.attempt)}, {"error", error}});
    co_await net::run_blocking(parts_.threads, std::move(write));
}

/// Past the outbox.
awaitable<std::vector<Courier::Trial>> Courier::send_to_all(Notice notice, std::string id) {
    const Message message{.notice = std::move(notice), .sender = parts_.sender, .at = now()};
    const auto config = parts_.config();
    std::vector<Trial> trials;
    for (const auto& [name, channel] : config.alerts.channels) {
        auto work = [message, to = channel, smtp = config.smtp, id] {
            return attempt([&] { deliver(message, to, smtp, id); });
        };
        auto tried = co_await net::run_blocking(thread_, std::move(work));
        auto& error = tried.error;
        if (!error.empty())
            parts_.log.warning("alert not delivered",
                               {{"channel", name}, {"title", message.notice.title}, {"error", error}});
        trials.push_back({.channel = name, .error = std::move(error)});
    }
    co_return trials;
}

awaitable<std::vector<Courier::Trial>> Courier::test() {
    auto notice = test_notice();
    auto id = fmt::format("tally-test-{:016x}", random_());
    co_return co_await send_to_all(std::move(notice), std::move(id));
}

/// Without a database there is no outbox: each node tells what it sees, once, and that it is over.
awaitable<void> Courier::tell_of_database() {
    const auto outage = parts_.database.trouble();
    const bool down = outage >= kOutage;
    if (down == database_told_ || (database_told_ && outage > outage.zero())) co_return;
    database_told_ = down;
    const auto error = parts_.database.error();
    Notice notice;
    notice.reason = down ? Reason::raised : Reason::over;
    notice.kind = "database";
    notice.urgent = true;
    notice.count = 1;
    notice.title = down ? "the database is in trouble" : "over: the database was in trouble";
    if (down) notice.lines = {error.empty() ? "It does not answer." : error};
    auto id = fmt::format("tally-database-{:016x}", random_());
    co_await send_to_all(std::move(notice), std::move(id));
}

}  // namespace tally::alert
