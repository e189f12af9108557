// SPDX-License-Identifier: Apache-2.0
// A fixed number of sessions for the database threads.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <type_traits>
#include <vector>

#include "common/postgres/session.hpp"

namespace tally::postgres {

/// Thread-safe. Sessions are opened when they are first needed and replaced when they broke.
class Pool {
public:
    /// Opens one session. @throws Error as Session does
    Pool(Options options, unsigned size);

    /// One try a call; blocks while all sessions are in use. Rolls back when `work` throws.
    /// `work` gets a Transaction and must leave it uncommitted: run() commits it after `work` returned.
    /// A conflict with another session (deadlock, serialization) is tried again, so `work` may run more than once.
    template <class F>
    auto run(F&& work) -> std::invoke_result_t<F&, Transaction&> {
        using Value = std::invoke_result_t<F&, Transaction&>;
        for (unsigned attempt = 1;; ++attempt) {
            Loan loan{*this};
            try {
                auto transaction = loan.begin();
                if constexpr (std::is_void_v<Value>) {
                    work(transaction);
                    transaction.commit();
                    return;
                } else {
                    auto value = work(transaction);
                    transaction.commit();
                    return value;
                }
            } catch (const SqlError& error) {
                if (!error.is_conflict() || attempt >= kTries) throw;
            }
        }
    }

    const Options& options() const noexcept { return options_; }

private:
    static constexpr unsigned kTries = 4;

    /// A session for as long as one transaction takes.
    class Loan {
    public:
        explicit Loan(Pool& pool);
        ~Loan();
        Loan(const Loan&) = delete;
        Loan& operator=(const Loan&) = delete;
        /// Begins on the session; one that died while it was idle is replaced first.
        Transaction begin();

    private:
        Pool& pool_;
        std::unique_ptr<Session> session_;
    };

    const Options options_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Session>> idle_;
    unsigned free_;  // sessions that may still be lent, open or not
};

}  // namespace tally::postgres
