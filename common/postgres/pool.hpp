// SPDX-License-Identifier: Apache-2.0
// A fixed number of sessions for the database threads.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "common/postgres/session.hpp"

namespace tally::postgres {

/// Thread-safe. Sessions connect on first use and again after they broke; must outlive what it lends.
class Pool {
public:
    Pool(Options options, std::size_t size) : options_(std::move(options)), free_(size) {}

    /// A session for as long as this lives.
    class Lent {
    public:
        Lent(Pool& pool, std::unique_ptr<Session> session) : pool_(&pool), session_(std::move(session)) {}
        Lent(Lent&&) noexcept = default;
        Lent& operator=(Lent&&) = delete;
        ~Lent() {
            if (session_) pool_->give_back(std::move(session_));
        }
        Session& operator*() const noexcept { return *session_; }
        Session* operator->() const noexcept { return session_.get(); }

    private:
        Pool* pool_;
        std::unique_ptr<Session> session_;
    };

    /// Blocks until a session is free. @throws Error (unreachable) when it cannot connect
    Lent acquire();

    const Options& options() const noexcept { return options_; }

private:
    void give_back(std::unique_ptr<Session> session) noexcept;

    Options options_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Session>> free_;  // null: a place without a connection
};

}  // namespace tally::postgres
