// SPDX-License-Identifier: Apache-2.0
// What a duty works with: a session that may do more than the collector's, in steps that its lease fences.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "common/postgres/session.hpp"
#include "daemon/collect/rules.hpp"
#include "daemon/duty/duty.hpp"
#include "daemon/duty/duty_repository.hpp"

namespace tally::duty {

/// How the loop's thread ends what the duties' thread is doing. Thread-safe.
class Stop {
public:
    void request() noexcept { requested_ = true; }
    bool requested() const noexcept { return requested_; }
    /// Ends the statement under way too. Blocking, though not for long.
    void interrupt();
    /// What interrupt() calls; empty: nothing.
    void set_statement(std::function<void()> cancel);

private:
    std::atomic<bool> requested_ = false;
    std::mutex mutex_;
    std::function<void()> cancel_;
};

/// Thrown to leave a duty early; neither is a failure.
struct Stopped {};    ///< the daemon stops
struct LeaseLost {};  ///< this node was taken for dead, and another one goes on

/// Blocking; for one thread. What it refers to must outlive it.
class Work {
public:
    Work(postgres::Session& session, const Claim& claim, const collect::Rules& rules, std::string node,
         const Stop& stop)
        : session_(session), claim_(claim), rules_(rules), node_(std::move(node)), stop_(stop) {}

    const collect::Rules& rules() const noexcept { return rules_; }
    const std::string& node() const noexcept { return node_; }

    /// A transaction that nobody else can begin for this duty before it ends. Keep it short. @throws Stopped, LeaseLost
    postgres::Transaction begin();
    /// Runs SQL text outside a transaction. @throws Stopped, LeaseLost
    void exec_alone(const std::string& sql);
    /// Lets others have the database for as long as the last transaction took it.
    void rest() const;

private:
    postgres::Session& session_;
    const Claim& claim_;
    const collect::Rules& rules_;
    const std::string node_;
    const Stop& stop_;
    std::chrono::steady_clock::time_point began_;
};

/// The date in UTC, and the moment. @throws Error when the clocks of database and tallyd are a day apart: what is old
/// can then not be told
struct DatabaseDay {
    Day today;
    Instant at;
};
DatabaseDay database_day(Work& work);

/// When to come back after something was in the way.
constexpr std::chrono::minutes kInTheWay{15};

struct Drop {
    std::vector<std::string> dropped;
    std::vector<std::string> in_use;  ///< could not be locked at once; nobody waits for them
};
/// Drops the partitions whose days all lie before one.
Drop drop_partitions(Work& work, const std::string& table, Day before);
/// "dropped a, b", "c is in use" to a list of clauses.
void tell(const Drop& drop, std::vector<std::string>& clauses);

/// The clauses as one text; `nothing` when there are none.
Done done(const std::vector<std::string>& clauses, std::string_view nothing);

}  // namespace tally::duty
